/* interrupt.c: see interrupt.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "interrupt.h"

#include <signal.h>

static volatile sig_atomic_t interrupts;

static void count(int signal_number) {
  (void)signal_number;
  interrupts = interrupts + 1;
}

void wb_interrupt_watch(void) {
  struct sigaction action = {.sa_handler = count};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

int wb_interrupts(void) {
  return interrupts;
}

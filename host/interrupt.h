/* interrupt.h: Ctrl-C and SIGTERM as a count that long work looks at. Signal state belongs to the process, so
 * this does too. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_INTERRUPT_H
#define WB_INTERRUPT_H

/* From now on SIGINT and SIGTERM count instead of ending the process. */
void wb_interrupt_watch(void);
/* How often the user asked to stop since wb_interrupt_watch. Any thread. */
int wb_interrupts(void);

#endif

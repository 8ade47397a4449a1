/* sweep_slurm.h: a sweep as job arrays of Slurm: the runs, after them the analyses, after them the report.
 *
 * Each array's tasks take their parts from a list in FOLDER/slurm/, so a task's work is settled when it is
 * submitted. state/slurm.json remembers the jobs: {"jobs": [{"id", "list", "first"} ..]}. Requeued after
 * preemption, or when its time limit comes near, a run goes on where it was saved.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_SWEEP_SLURM_H
#define WB_SWEEP_SLURM_H

#include "sweep_state.h"

typedef struct wb_sweep_slurm {
  const char *partition, *account, *time, *memory; // as sbatch takes them; NULL: the cluster's own
  unsigned cpus;                                   // of each run
  unsigned array_limit;                            // runs at once; 0: no limit
} wb_sweep_slurm;

/* Submits what is neither done nor failed nor queued. Says what it did. An exit code. */
int wb_sweep_slurm_submit(const wb_sweep *sweep, const wb_sweep_slurm *slurm);
/* Marks the runs that wait in Slurm's queue; nothing where squeue cannot be asked. */
void wb_sweep_slurm_look(const wb_sweep *sweep, wb_sweep_look *looks);
/* Takes back all jobs of the sweep; how many there were. */
int wb_sweep_slurm_cancel(const wb_sweep *sweep);
/* The array task that this process is: does its part of `list`. Asks to be requeued where the time limit
 * comes near (SIGUSR1). An exit code. */
int wb_sweep_slurm_task(const wb_sweep *sweep, const char *list);

#endif

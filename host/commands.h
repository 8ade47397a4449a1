/* commands.h: the verbs; each in its file cmd_<verb>.c. They take the words after the verb and return an exit
 * code. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_COMMANDS_H
#define WB_COMMANDS_H

int wb_cmd_run(int argc, char *const *argv);
int wb_cmd_list(int argc, char *const *argv);
int wb_cmd_describe(int argc, char *const *argv);
int wb_cmd_skeleton(int argc, char *const *argv);
int wb_cmd_sweep(int argc, char *const *argv);
int wb_cmd_report(int argc, char *const *argv);
int wb_cmd_info(int argc, char *const *argv);
int wb_cmd_export(int argc, char *const *argv);
int wb_cmd_doctor(int argc, char *const *argv);

#endif

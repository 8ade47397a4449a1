/* state_dict.h: weights and buffers of a network from an HDF5 file, under PyTorch's names.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_STATE_DICT_H
#define WB_STATE_DICT_H

#include "hdf5/h5.h"
#include "net.h"

/* Sets every tensor of the network from `group`/<name>; what else is there is left alone. WB_INPUT where one
 * is missing or has another shape: the network is then half set. */
wb_status wb_state_dict_load(wb_net *net, const wb_h5 *file, const char *group, wb_error *err);

#endif

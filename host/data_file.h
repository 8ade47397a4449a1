/* data_file.h: opens what --in names: HDF5 as it is, NumPy's files by way of a copy in the cache. Workers
 * only. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_DATA_FILE_H
#define WB_DATA_FILE_H

#include "hdf5/h5.h"

/* A .npz, .npy or .safetensors file is converted to HDF5 once, and again whenever it has changed since;
 * messages name the file itself. */
wb_status wb_data_file_open(const char *path, wb_h5 **out, wb_error *err);

#endif

/* h5_internal.h: what h5.c and h5_attributes.c share. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_H5_INTERNAL_H
#define WB_H5_INTERNAL_H

#include <hdf5.h>

#include "hdf5/h5.h"

struct wb_h5 {
  hid_t id;
  char *path;
  char *temporary; // what is written before commit; NULL where the file was opened for reading
};

/* wb_fail with the reason that HDF5 recorded first, in brackets. Call it before any other HDF5 function. */
wb_status wb_h5_fail(wb_error *err, wb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

size_t wb_h5_element_size(wb_element element);
hid_t wb_h5_memory_type(wb_element element); // a predefined type: never closed
wb_element wb_h5_closest_element(hid_t type);

#endif

/* service.c: the service engine/1 (plugin.h), which the host finds in this library by its symbol.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "service_internal.h"

WB_EXPORT extern const wb_engine_1 wb_engine_service_1;

const wb_engine_1 wb_engine_service_1 = {
    .struct_size = (uint32_t)sizeof(wb_engine_1),
    .model = wb_service_model,
    .model_free = wb_service_model_free,
    .model_shape = wb_service_model_shape,
    .layer = wb_service_layer,
    .forward = wb_service_forward,
    .input_gradient = wb_service_input_gradient,
    .images = wb_service_images,
    .images_shape = wb_service_images_shape,
    .images_read = wb_service_images_read,
    .tensor = wb_service_tensor,
    .tensor_get = wb_service_tensor_get,
    .tensor_set = wb_service_tensor_set,
};

/* import.c: a run file from a model that another program saved.
 *
 *   workbench run import --in model.safetensors --arch resnet18 --data cifar10:DIR --factors
 * objective=ce,rho=0.2
 *
 * The file (.safetensors or .npz) holds the tensors of a PyTorch state dict under the names of
 * formats/SCHEMA.md; what is missing, left over or of another shape is listed, all of it. Width, units and
 * head follow from the tensors. Files that `workbench export` wrote say the rest themselves. With --data the
 * result holds the activations of its test images, and every metric reads it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "import.h"

static const wb_param params_table[] = {
    {.name = "arch",
     .help = "resnet18, shallowcnn, truong-mnist or truong-cifar; unset: as the file says",
     .type = WB_STRING,
     .offset = offsetof(wb_import_params, arch)},
    {.name = "data",
     .help = "images to compute activations of: builtin, cifar10:DIR, cifar100:DIR, mnist:DIR or h5:FILE",
     .type = WB_STRING,
     .offset = offsetof(wb_import_params, data)},
    {.name = "factors",
     .help = "what tells this run from others: objective=ce,rho=0.2,seed=3",
     .type = WB_STRING_LIST,
     .offset = offsetof(wb_import_params, factors)},
    {.name = "grid",
     .help = "rows x columns that the units lie on; unset: as the file says, or closest to a square",
     .type = WB_STRING,
     .offset = offsetof(wb_import_params, grid)},
    {.name = "mean",
     .help =
         "of each channel of images from 0 to 1, which the network expects subtracted; unset: as the file or "
         "the data set says",
     .type = WB_FLOAT_LIST,
     .offset = offsetof(wb_import_params, mean)},
    {.name = "sd",
     .help = "of each channel, which the network expects divided by",
     .type = WB_FLOAT_LIST,
     .offset = offsetof(wb_import_params, sd)},
    {.name = "image-size",
     .help = "height and width of images; 0: as the file or the data set says, or 32",
     .unit = "pixels",
     .default_text = "0",
     .min = 0,
     .max = 1024,
     .type = WB_INT,
     .flags = WB_PARAM_ADVANCED,
     .offset = offsetof(wb_import_params, image_size)},
};

static wb_status check(const wb_host *host, const void *params) {
  return wb_import_check(host, params);
}

static wb_status run(const wb_host *host, const void *params) {
  return wb_import_run(host, params);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_CONVERT,
    .flags = WB_THREADED,
    .params_size = sizeof(wb_import_params),
    .id = "import",
    .version = WB_IMPORT_VERSION,
    .title = "a run file from a model that another program saved",
    .summary =
        "Reads the tensors of a .safetensors or .npz file under the names of PyTorch's state dict, checks "
        "that "
        "they are those of a network, and writes a run file: with the activations of the test images where "
        "--data names some.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .example = "workbench run import --in model.safetensors --arch resnet18 --data cifar10:DIR",
    .params = WB_TABLE(params_table),
    .check = check,
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}

/* library.c: see library.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "library.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"

/* What dlerror says, without the path that the sentence names already. */
static const char *reason(const char *path) {
  const char *text = dlerror();
  const size_t length = strlen(path);
  if (!text) return "unknown reason";
  return strncmp(text, path, length) || strncmp(text + length, ": ", 2) ? text : text + length + 2;
}

static bool is_shared_object(const char *path) {
  unsigned char head[EI_NIDENT] = {0};
  FILE *file = fopen(path, "rb");
  if (!file) return false;
  const bool elf = fread(head, 1, sizeof head, file) == sizeof head && !memcmp(head, ELFMAG, SELFMAG);
  fclose(file);
  return elf;
}

wb_status wb_library_open(const char *path, wb_library *out, wb_error *err) {
  *out = (wb_library){0};
  if (!is_shared_object(path)) return wb_fail(err, WB_UNSUPPORTED, "%s is not a shared object", path);
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!handle) return wb_fail(err, WB_UNSUPPORTED, "%s cannot be loaded: %s", path, reason(path));
  void *symbol = dlsym(handle, "wb_plugin_at");
  if (!symbol) {
    dlclose(handle);
    return wb_fail(
        err, WB_UNSUPPORTED,
        "%s has no symbol wb_plugin_at, the one that every plugin exports (see workbench/plugin.h)", path);
  }
  out->path = wb_copy(path);
  out->handle = handle;
  memcpy(&out->at, &symbol, sizeof symbol); // ISO C has no conversion from object to function pointers
  return WB_OK;
}

void wb_library_close(wb_library *library) {
  if (library->handle) dlclose(library->handle);
  free(library->path);
  *library = (wb_library){0};
}

wb_status wb_library_plugin(const wb_library *library, uint32_t index, const wb_plugin **out, wb_error *err) {
  enum { PLAUSIBLE = 1 << 16 };
  *out = NULL;
  const wb_plugin *plugin = library->at((uint32_t)WB_ABI_MAJOR << 16 | WB_ABI_MINOR, index);
  if (!plugin) return WB_OK;
  const char *path = library->path;
  if (plugin->struct_size < offsetof(wb_plugin, kind) || plugin->struct_size > PLAUSIBLE)
    return wb_fail(
        err, WB_UNSUPPORTED,
        "%s: its descriptor claims %u bytes, which no version of the plugin ABI has; build it against "
        "workbench/plugin.h",
        path, plugin->struct_size);
  if (plugin->abi_major != WB_ABI_MAJOR)
    return wb_fail(
        err, WB_UNSUPPORTED,
        "%s was built for plugin ABI %u.%u and this workbench has %d.%d; build it against this version's "
        "workbench/plugin.h",
        path, plugin->abi_major, plugin->abi_minor, WB_ABI_MAJOR, WB_ABI_MINOR);
  if (plugin->needs_minor > WB_ABI_MINOR)
    return wb_fail(err, WB_UNSUPPORTED,
                   "%s needs plugin ABI %d.%u and this workbench has %d.%d; update workbench", path,
                   WB_ABI_MAJOR, plugin->needs_minor, WB_ABI_MAJOR, WB_ABI_MINOR);
  if (plugin->struct_size < sizeof(wb_plugin)) // grows with a later minor: then shorter ones are filled up
    return wb_fail(err, WB_UNSUPPORTED, "%s: its descriptor has %u bytes; ABI %d.%d has %zu", path,
                   plugin->struct_size, WB_ABI_MAJOR, WB_ABI_MINOR, sizeof(wb_plugin));
  *out = plugin;
  return WB_OK;
}

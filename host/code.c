/* code.c: which code a plugin runs: build ids, see library.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include <dlfcn.h>
#include <elf.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sha256.h"
#include "heap.h"
#include "library.h"

typedef struct note_search {
  ElfW(Addr) base;
  char *id; // hexadecimal, once found
} note_search;

static char *hexadecimal(const unsigned char *bytes, size_t count) {
  char *text = wb_new(char, 2 * count + 1);
  for (size_t i = 0; i < count; i++) snprintf(text + 2 * i, 3, "%02x", bytes[i]);
  return text;
}

static void search_notes(note_search *search, const char *notes, size_t bytes, size_t align) {
  const size_t round = align > 4 ? align - 1 : 3;
  for (size_t at = 0; at + sizeof(ElfW(Nhdr)) <= bytes;) {
    ElfW(Nhdr) note;
    memcpy(&note, notes + at, sizeof note);
    const size_t name = at + sizeof note;
    const size_t content = (name + note.n_namesz + round) & ~round;
    if (content + note.n_descsz > bytes) return;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && !memcmp(notes + name, "GNU", 4)) {
      search->id = hexadecimal((const unsigned char *)notes + content, note.n_descsz);
      return;
    }
    at = (content + note.n_descsz + round) & ~round;
  }
}

static int visit(struct dl_phdr_info *info, size_t size, void *context) {
  (void)size;
  note_search *search = context;
  if (info->dlpi_addr != search->base) return 0;
  for (size_t i = 0; i < info->dlpi_phnum && !search->id; i++) {
    const ElfW(Phdr) *header = &info->dlpi_phdr[i];
    if (header->p_type != PT_NOTE) continue;
    search_notes(search, (const char *)(info->dlpi_addr + header->p_vaddr), header->p_memsz, header->p_align);
  }
  return 1;
}

static wb_status build_of(const struct link_map *object, char **out, wb_error *err) {
  note_search search = {.base = object->l_addr};
  dl_iterate_phdr(visit, &search);
  *out = search.id;
  if (search.id) return WB_OK;
  char digest[WB_DIGEST_SIZE];
  const wb_status status = wb_sha256_file(object->l_name, digest, err);
  if (status == WB_OK) *out = wb_copy(digest);
  return status;
}

static int visit_program(struct dl_phdr_info *info, size_t size, void *context) {
  ((note_search *)context)->base = info->dlpi_addr; // the program itself is visited first
  visit(info, size, context);
  return 1;
}

char *wb_program_build(void) {
  note_search search = {0};
  dl_iterate_phdr(visit_program, &search);
  return search.id ? search.id : wb_copy(WORKBENCH_VERSION);
}

char *wb_program_path(void) {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  path[length > 0 ? length : 0] = '\0';
  return wb_copy(path);
}

char *wb_engine_path(void) {
  static const char *const places[] = {"../lib/libwbengine.so", "../" WORKBENCH_LIBDIR "/libwbengine.so"};
  char *program = wb_program_path(), *found = NULL;
  char *slash = strrchr(program, '/');
  if (slash) *slash = '\0';
  for (size_t i = 0; i < sizeof places / sizeof places[0] && !found; i++) {
    char *path = wb_format("%s/%s", program, places[i]);
    found = realpath(path, NULL);
    free(path);
  }
  free(program);
  return found;
}

static bool is_system(const char *path) {
  static const char *const places[] = {"/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/"};
  if (strstr(path, "/libwb")) return false; // ours, wherever it was installed
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
    if (!strncmp(path, places[i], strlen(places[i]))) return true;
  return false;
}

static const char *last_part(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static wb_status add(wb_code *code, const struct link_map *object, wb_error *err);

/* The libraries that `object` names as needed, looked up among those that are loaded. */
static wb_status add_needed(wb_code *code, const struct link_map *object, wb_error *err) {
  const char *strings = NULL;
  for (const ElfW(Dyn) *entry = object->l_ld; entry->d_tag != DT_NULL; entry++)
    if (entry->d_tag == DT_STRTAB) strings = (const char *)entry->d_un.d_ptr;
  const struct link_map *first = object;
  while (first->l_prev) first = first->l_prev;
  for (const ElfW(Dyn) *entry = object->l_ld; strings && entry->d_tag != DT_NULL; entry++) {
    if (entry->d_tag != DT_NEEDED) continue;
    const char *name = last_part(strings + entry->d_un.d_val);
    for (const struct link_map *other = first; other; other = other->l_next) {
      if (strcmp(last_part(other->l_name), name) || is_system(other->l_name)) continue;
      const wb_status status = add(code, other, err);
      if (status != WB_OK) return status;
    }
  }
  return WB_OK;
}

static wb_status add(wb_code *code, const struct link_map *object, wb_error *err) {
  for (size_t i = 0; i < code->file_count; i++)
    if (!strcmp(code->files[i], object->l_name)) return WB_OK;
  char *build = NULL;
  const wb_status status = build_of(object, &build, err);
  if (status != WB_OK) return status;
  wb_grow(code->files, code->file_count);
  code->files[code->file_count++] = wb_copy(object->l_name);
  char *joined = wb_format("%s%s%s", code->build ? code->build : "", code->build ? "+" : "", build);
  free(code->build);
  free(build);
  code->build = joined;
  return add_needed(code, object, err);
}

static wb_status add_handle(wb_code *code, void *handle, wb_error *err) {
  struct link_map *object = NULL;
  if (dlinfo(handle, RTLD_DI_LINKMAP, &object) != 0)
    return wb_fail(err, WB_INTERNAL, "the loader does not know its own library: %s", dlerror());
  return add(code, object, err);
}

wb_status wb_library_code(const wb_library *library, bool with_engine, wb_code *out, wb_error *err) {
  *out = (wb_code){0};
  wb_status status = add_handle(out, library->handle, err);
  char *path = with_engine && status == WB_OK ? wb_engine_path() : NULL;
  void *engine = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
  if (engine) {
    status = add_handle(out, engine, err);
    dlclose(engine);
  }
  free(path);
  if (status != WB_OK) wb_code_free(out);
  return status;
}

void wb_code_free(wb_code *code) {
  for (size_t i = 0; i < code->file_count; i++) free(code->files[i]);
  free(code->files);
  free(code->build);
  *code = (wb_code){0};
}

/* What a C program sees: the header alone, in strict C11. Prints an asset of a bundle. */
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#define GRAPHITE_MACROS_ONLY
#include "graphite_platform.h"
#undef GRAPHITE_MACROS_ONLY
#if !defined(GRAPHITE_PLATFORM_LINUX) || defined(GRAPHITE_H)
#error "the macros, and nothing else yet"
#endif
#include "graphite.h"

static int fail(const char* what) {
  fprintf(stderr, "%s: %s\n", what, graphite_last_error());
  return 1;
}

#if defined(GRAPHITE_PLATFORM_LINUX) && GRAPHITE_LITTLE_ENDIAN == GRAPHITE_BIG_ENDIAN
#error "one byte order or the other"
#endif

static alignas(GRAPHITE_CACHE_LINE_SIZE) char line[GRAPHITE_CACHE_LINE_SIZE];

/* Memory and files, by their names in C. */
static int use_the_machine(const char* path) {
  graphite_large_pages pages;
  graphite_large_pages_options options;
  graphite_file file;
  size_t got = 0;
  void* memory = NULL;
  char* aligned = graphite_aligned_alloc(100, graphite_cache_line_size());
  if (aligned == NULL) return fail("aligned");
  graphite_aligned_free(aligned);
  if (graphite_alloc_large_pages(&memory, graphite_page_size()) != GRAPHITE_SUCCESS) return fail("alloc");
  if (graphite_free_large_pages(memory, graphite_page_size()) != GRAPHITE_SUCCESS) return fail("free");
  graphite_large_pages_options_init(&options);
  if (graphite_map_large_pages(1, &options, &pages) != GRAPHITE_SUCCESS) return fail("map");
  if (graphite_large_pages_backed(&pages, &got) != GRAPHITE_SUCCESS) return fail("backed");
  graphite_unmap_large_pages(&pages);
  if (graphite_file_open(&file, path, GRAPHITE_FILE_READ) != GRAPHITE_SUCCESS) return fail("file");
  if (graphite_file_advise(&file, 0, 0, GRAPHITE_ADVICE_SEQUENTIAL) != GRAPHITE_SUCCESS) return fail("advise");
  if (graphite_file_read(&file, line, sizeof line, 0, &got) != GRAPHITE_SUCCESS) return fail("read");
  return graphite_file_close(&file) == GRAPHITE_SUCCESS && graphite_is_little_endian() ? 0 : 1;
}

int main(int argc, char** argv) {
  graphite_bundle* first = NULL;
  graphite_atomic_bundle place;
  graphite_asset asset;
  graphite_part part;
  uint64_t version = 0;
  if (argc != 3) return 2;
  if (use_the_machine(argv[0]) != 0) return 1;
  if (graphite_bundle_open(argv[1], &first) != GRAPHITE_SUCCESS) return fail("open");
  if (graphite_atomic_bundle_init(&place, first) != GRAPHITE_SUCCESS) return fail("init");
  const graphite_bundle* now = graphite_acquire_reader(&place, &version);
  if (graphite_find(now, graphite_asset_id(argv[2], strlen(argv[2])), &asset) != GRAPHITE_SUCCESS) {
    fprintf(stderr, "no asset %s\n", argv[2]);
    return 1;
  }
  if (graphite_asset_part(now, &asset, 0, &part) != GRAPHITE_SUCCESS) return fail("part");
  fwrite(part.data, 1, (size_t)part.size, stdout);
  graphite_release_reader(&place);
  graphite_atomic_bundle_destroy(&place);
  return version == 1 ? 0 : 1;
}

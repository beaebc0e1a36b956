/* What a C program sees: the header alone, in strict C11. Prints an asset of a bundle. */
#include <stdio.h>
#include <string.h>

#include "graphite.h"

static int fail(const char* what) {
  fprintf(stderr, "%s: %s\n", what, graphite_last_error());
  return 1;
}

int main(int argc, char** argv) {
  graphite_bundle* first = NULL;
  graphite_atomic_bundle place;
  graphite_asset asset;
  graphite_part part;
  uint64_t version = 0;
  if (argc != 3) return 2;
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

/* What a C program sees of the builder: two headers, in strict C11. Builds a project, says what it did, and
 * prints one of its assets. docs/building-in-process.md shows what is between the marks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* >8 the example */
#include <graphite_build.h>

static void print_task(const graphite_rebuild_task* task, void* user_data) {
  (void)user_data;
  printf("%s: rule '%s', %s\n", task->asset_path, task->transform_config->rule, task->reason);
}

static void print_diagnostic(const graphite_diagnostic* line, void* user_data) {
  (void)user_data;
  if (line->level >= GRAPHITE_LOG_WARNING) fprintf(stderr, "%s: %s\n", line->path, line->text);
}

/* Brings a project up to date; 0 where all of it is. */
static int bring_up_to_date(const char* folder, char* bundle, size_t capacity) {
  graphite_rebuild_context* project = NULL;
  graphite_rebuild_config config;
  graphite_rebuild_summary built = {0};
  graphite_rebuild_config_init(&config);
  config.diagnostic_callback = print_diagnostic;
  if (graphite_rebuild_open(folder, &config, &project) != GRAPHITE_SUCCESS) {
    fprintf(stderr, "%s\n", graphite_last_error());
    return 1;
  }
  graphite_rebuild_queue(project, print_task, NULL, NULL);
  built.size = sizeof built;
  const graphite_result how = graphite_process_rebuild_queue(project, &built);
  if (how == GRAPHITE_SUCCESS)
    printf("%u ran, %u cached\n", (unsigned)built.ran, (unsigned)built.cached);
  else
    fprintf(stderr, "%s\n", graphite_last_error());
  graphite_rebuild_bundle(project, bundle, capacity);
  graphite_rebuild_close(project);
  return how == GRAPHITE_SUCCESS ? 0 : 1;
}
/* 8< */

static int print_asset(const char* folder, const char* name) {
  graphite_bundle* bundle = NULL;
  graphite_asset asset;
  graphite_part part;
  if (graphite_bundle_open(folder, &bundle) != GRAPHITE_SUCCESS ||
      graphite_find(bundle, graphite_asset_id(name, strlen(name)), &asset) != GRAPHITE_SUCCESS ||
      graphite_asset_part(bundle, &asset, 0, &part) != GRAPHITE_SUCCESS) {
    fprintf(stderr, "%s: %s\n", name, graphite_last_error());
    return 1;
  }
  printf("%s: ", name);
  fwrite(part.data, 1, (size_t)part.size, stdout);
  putchar('\n');
  graphite_bundle_close(bundle);
  return 0;
}

int main(int argc, char** argv) {
  char bundle[4096] = "";
  if (argc != 3) return 2;
  if (bring_up_to_date(argv[1], bundle, sizeof bundle) != 0) return 1;
  return print_asset(bundle, argv[2]);
}

/* Follows a bundle and says what changes, as an engine's main loop would.
 *
 *   follow FOLDER                       what `graphite dev` or `graphite subscribe --no-files` keeps
 *   follow --from HOST:PORT FOLDER      subscribes by itself, and keeps the channel in FOLDER
 *     --check    reads and checks every byte of each generation
 *     --fetched  says with each generation how many bytes this process has fetched for what it shows
 *     --until N  ends with the Nth generation
 *
 * Built against what is installed: cc follow.c $(pkg-config --cflags --libs graphite) */
#include <graphite.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t stopped = 0;
static void stop(int signal_number) {
  (void)signal_number;
  stopped = 1;
}

struct game {
  bool check, fetched;
  unsigned generations, until;
  graphite_hot_reload_context* live;
};

static void on_log(graphite_log_level level, const char* text, void* data) {
  (void)data;
  fprintf(stderr, "%s %s\n", level >= GRAPHITE_LOG_WARNING ? "warning:" : "note:", text);
}

static void on_changes(const graphite_changes* changes, void* data) {
  struct game* game = data;
  graphite_bundle_info info;
  graphite_bundle_describe(changes->new_bundle, &info);
  printf("generation %" PRIu64 ".%" PRIu64 " of %s: %" PRIu64 " assets, %zu added, %zu changed, %zu removed\n",
         info.epoch, info.sequence, info.channel, info.assets, changes->added_count, changes->changed_count,
         changes->removed_count);
  if (game->check) {
    const graphite_result good = graphite_bundle_verify(changes->new_bundle, NULL);
    printf("%s %" PRIu64 "\n", good == GRAPHITE_SUCCESS ? "verified" : graphite_last_error(), info.sequence);
    if (good != GRAPHITE_SUCCESS) exit(3);
  }
  if (game->fetched) {
    graphite_statistics now = {.size = sizeof now};
    if (graphite_hot_reload_statistics(game->live, &now) == GRAPHITE_SUCCESS)
      printf("fetched %" PRIu64 " bytes\n", now.fetched_bytes);
  }
  ++game->generations;
}

static void on_asset(const graphite_asset_event* event, void* data) {
  (void)data;
  static const char* const what[] = {"added", "changed", "removed", "arrived"};
  const graphite_bundle* in = event->type == GRAPHITE_ASSET_REMOVED ? event->old_bundle : event->new_bundle;
  graphite_asset asset;
  graphite_part bytes = {NULL, 0};
  if (graphite_find(in, event->id, &asset) != GRAPHITE_SUCCESS) return;
  (void)graphite_asset_part(in, &asset, 0, &bytes);
  printf("%s %.*s %" PRIu64 " bytes\n", what[event->type], (int)asset.path_length, asset.path, bytes.size);
}

static int usage(void) {
  fprintf(stderr, "usage: follow [--from HOST:PORT] [--check] [--fetched] [--until N] FOLDER\n");
  return 2;
}

int main(int argc, char** argv) {
  struct game game = {false, false, 0, 0, NULL};
  const char* from = NULL;
  const char* folder = NULL;
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--check") == 0)
      game.check = true;
    else if (strcmp(argv[i], "--fetched") == 0)
      game.fetched = true;
    else if (strcmp(argv[i], "--from") == 0 && i + 1 < argc)
      from = argv[++i];
    else if (strcmp(argv[i], "--until") == 0 && i + 1 < argc)
      game.until = (unsigned)strtoul(argv[++i], NULL, 10);
    else if (argv[i][0] == '-' || folder != NULL)
      return usage();
    else
      folder = argv[i];
  }
  if (folder == NULL) return usage();
  signal(SIGINT, stop);
  signal(SIGTERM, stop);
  setvbuf(stdout, NULL, _IOLBF, 0);
  graphite_set_log(on_log, GRAPHITE_LOG_WARNING, NULL);

  graphite_hot_reload_config config;
  graphite_hot_reload_config_init(&config);
  config.watch_directory = folder;
  config.changes_callback = on_changes;
  config.asset_callback = on_asset;
  config.user_data = &game;
  graphite_hot_reload_context* live = NULL;
  if (from != NULL)
    (void)graphite_subscribe(from, NULL, &config, &live);
  else
    live = graphite_hot_reload_init(&config);
  if (live == NULL) {
    fprintf(stderr, "follow: %s\n", graphite_last_error());
    return 1;
  }
  game.live = live;
  printf("ready\n");
  graphite_result result = GRAPHITE_SUCCESS;
  uint64_t version = 0;
  while (!stopped && (game.until == 0 || game.generations < game.until)) {
    /* A frame: half a millisecond is for callbacks. */
    result = graphite_poll(live, 500000, NULL);
    if (result != GRAPHITE_SUCCESS) break;
    /* Instead of drawing: until something is new, but at most a tenth of a second. */
    if (graphite_wait(live, version, 100000000) == GRAPHITE_SUCCESS)
      (void)graphite_acquire_reader(graphite_hot_reload_bundle(live), &version),
          graphite_release_reader(graphite_hot_reload_bundle(live));
  }
  if (result != GRAPHITE_SUCCESS) fprintf(stderr, "follow: %s\n", graphite_last_error());
  graphite_hot_reload_shutdown(live);
  return result == GRAPHITE_SUCCESS ? 0 : 1;
}

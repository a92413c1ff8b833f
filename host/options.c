/* options.c -- the command line: one table of flags, made from the host's own and one for each limit. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "door/address.h"
#include "door/origin.h"
#include "stage/host.h"

enum {
  DOORS_MAX = 64,
  GUESS_DISTANCE_MAX = 3,   /* so many wrong letters, and it is another word */
  WORD_SIZE_MAX = 64
};

/* What getopt returns for each flag: its own flags, then those of the limits. */
enum flag {
  FLAG_DATA = 256, FLAG_LISTEN, FLAG_IDEMPOTENCY_KEY, FLAG_WORKERS, FLAG_DOORS, FLAG_DURABILITY, FLAG_ALL,
  FLAG_DEV, FLAG_LOG_LEVEL, FLAG_ALLOW_ORIGIN, FLAG_PUBLIC, FLAG_HELP, FLAG_VERSION,
#define LIMIT_NUMBER(field, flag, value, most, text) FLAG_LIMIT_##field,
  LIMITS_LIST(LIMIT_NUMBER)
#undef LIMIT_NUMBER
};

static const struct option FLAGS[] = {
  { "data", required_argument, NULL, FLAG_DATA },
  { "listen", required_argument, NULL, FLAG_LISTEN },
  { "idempotency-key", required_argument, NULL, FLAG_IDEMPOTENCY_KEY },
  { "all", no_argument, NULL, FLAG_ALL },
  { "workers", required_argument, NULL, FLAG_WORKERS },
  { "doors", required_argument, NULL, FLAG_DOORS },
  { "durability", required_argument, NULL, FLAG_DURABILITY },
  { "dev", no_argument, NULL, FLAG_DEV },
  { "log-level", required_argument, NULL, FLAG_LOG_LEVEL },
  { "allow-origin", required_argument, NULL, FLAG_ALLOW_ORIGIN },
  { "public", required_argument, NULL, FLAG_PUBLIC },
  { "help", no_argument, NULL, FLAG_HELP },
  { "version", no_argument, NULL, FLAG_VERSION },
#define LIMIT_FLAG(field, flag, value, most, text) { flag, required_argument, NULL, FLAG_LIMIT_##field },
  LIMITS_LIST(LIMIT_FLAG)
#undef LIMIT_FLAG
  { NULL, 0, NULL, 0 }
};

/* The least that a limit can be: 0 only where that means a limit of the host's choice. */
static uint64_t limit_min(int flag) {
  switch (flag) {
#define LIMIT_MIN(field, flag, value, most, text) case FLAG_LIMIT_##field: return (value) == 0 ? 0 : 1;
    LIMITS_LIST(LIMIT_MIN)
#undef LIMIT_MIN
    default: return 1;
  }
}

/* The most that a limit can be. */
static uint64_t limit_max(int flag) {
  switch (flag) {
#define LIMIT_MAX(field, flag, value, most, text) case FLAG_LIMIT_##field: return most;
    LIMITS_LIST(LIMIT_MAX)
#undef LIMIT_MAX
    default: return 0;
  }
}

/* Where a limit is kept; NULL for a flag of no limit. */
static uint64_t *limit_place(int flag, struct limits *limits) {
  switch (flag) {
#define LIMIT_PLACE(field, flag, value, most, text) case FLAG_LIMIT_##field: return &limits->field;
    LIMITS_LIST(LIMIT_PLACE)
#undef LIMIT_PLACE
    default: return NULL;
  }
}

static const char *const COMMANDS[] = {
  [COMMAND_SERVE] = "serve",     [COMMAND_CALL] = "call", [COMMAND_INSPECT] = "inspect", [COMMAND_DESTROY] = "destroy",
  [COMMAND_CALLS] = "calls",     [COMMAND_FAILED] = "failed", [COMMAND_BACKUP] = "backup", [COMMAND_VERIFY] = "verify",
  [COMMAND_VERSION] = "version", [COMMAND_HELP] = "help",
};

enum { COMMAND_COUNT = sizeof COMMANDS / sizeof COMMANDS[0] };

/* How many letters to change, add or leave out to make one word from the other. Long words are never alike. */
static size_t edit_distance(const char *a, const char *b) {
  size_t a_size = strlen(a), b_size = strlen(b);
  size_t row[WORD_SIZE_MAX + 1];
  if (a_size > WORD_SIZE_MAX || b_size > WORD_SIZE_MAX) return SIZE_MAX;

  for (size_t j = 0; j <= b_size; j++) row[j] = j;
  for (size_t i = 1; i <= a_size; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b_size; j++) {
      size_t changed = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      size_t shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
      row[j] = changed < shorter ? changed : shorter;
    }
  }
  return row[b_size];
}

/* Keeps in `best` the more likely of two words for what was typed. */
static void guess(const char *typed, const char *word, size_t *distance, const char **best) {
  size_t size = strlen(typed);
  size_t now = edit_distance(typed, word);
  bool begun = size >= 3 && strncmp(typed, word, size) == 0;   /* `--limit-call` for `--limit-call-bytes` */
  if (begun && now > GUESS_DISTANCE_MAX) now = GUESS_DISTANCE_MAX;
  if (now > GUESS_DISTANCE_MAX || now >= size || now >= *distance) return;
  *distance = now;
  *best = word;
}

static const char *guess_flag(const char *typed) {
  char name[WORD_SIZE_MAX + 1];
  const char *begin = typed + strspn(typed, "-");
  size_t size = strcspn(begin, "=");
  if (size > WORD_SIZE_MAX) return NULL;
  memcpy(name, begin, size);
  name[size] = '\0';

  size_t distance = SIZE_MAX;
  const char *best = NULL;
  for (const struct option *flag = FLAGS; flag->name != NULL; flag++) guess(name, flag->name, &distance, &best);
  return best;
}

static enum err unknown_flag(const char *typed, struct failure *failure) {
  const char *near = guess_flag(typed);
  if (near == NULL) return failure_set(failure, ERR_ARGUMENTS, "no flag is called %s (troupe help)", typed);
  return failure_set(failure, ERR_ARGUMENTS, "no flag is called %s; did you mean --%s?", typed, near);
}

/* A whole number; where `sized`, also with k, m or g for a power of 1,024. */
static bool read_number(const char *text, bool sized, uint64_t *number) {
  if (*text < '0' || *text > '9') return false;
  char *end;
  errno = 0;
  unsigned long long digits = strtoull(text, &end, 10);
  if (errno != 0) return false;

  unsigned shift = 0;
  if (sized && *end != '\0') {
    const char *suffixes = "kmg";
    const char *suffix = strchr(suffixes, *end | 0x20);
    if (suffix == NULL) return false;
    shift = 10 * (unsigned)(suffix - suffixes + 1);
    end++;
  }
  if (*end != '\0' || digits > UINT64_MAX >> shift) return false;
  *number = (uint64_t)digits << shift;
  return true;
}

static enum err parse_count(const char *flag, const char *text, bool sized, uint64_t min, uint64_t max, uint64_t *number,
                            struct failure *failure) {
  if (!read_number(text, sized, number)) {
    return failure_set(failure, ERR_ARGUMENTS, "--%s wants a whole number%s, not %s", flag,
                       sized ? ", of bytes or with k, m or g" : "", text);
  }
  if (*number < min || *number > max) {
    return failure_set(failure, ERR_ARGUMENTS, "--%s must be between %llu and %llu, not %s", flag,
                       (unsigned long long)min, (unsigned long long)max, text);
  }
  return ERR_NONE;
}

static enum err parse_durability(const char *text, bool *relaxed, struct failure *failure) {
  *relaxed = strcmp(text, "relaxed") == 0;
  if (*relaxed || strcmp(text, "commit") == 0) return ERR_NONE;
  return failure_set(failure, ERR_ARGUMENTS, "--durability is commit or relaxed, not %s", text);
}

static enum err parse_log_level(const char *text, enum log_level *level, struct failure *failure) {
  for (int i = 0; i < LOG_LEVEL_COUNT; i++) {
    *level = (enum log_level)i;
    if (strcmp(text, logger_level_name(*level)) == 0) return ERR_NONE;
  }
  return failure_set(failure, ERR_ARGUMENTS, "--log-level is trace, debug, info, warn or error, not %s", text);
}

static enum err parse_origin(const char *text, struct options *options, struct failure *failure) {
  if (options->origin_count == ORIGINS_MAX) {
    return failure_set(failure, ERR_ARGUMENTS, "--allow-origin may come %d times at most", ORIGINS_MAX);
  }
  options->origins[options->origin_count++] = text;
  return origin_check(text, failure);
}

/* One flag with its value, as getopt has read it. */
static enum err apply_flag(int got, const char *name, struct options *options, struct failure *failure) {
  uint64_t number = 0;
  enum err err = ERR_NONE;
  switch (got) {
    case FLAG_DATA:
      options->data_path = optarg;
      if (*optarg == '\0') return failure_set(failure, ERR_ARGUMENTS, "--data wants a folder, not an empty text");
      break;
    case FLAG_LISTEN:
      options->listen = optarg;
      return address_check(optarg, failure);
    case FLAG_DURABILITY: return parse_durability(optarg, &options->relaxed, failure);
    case FLAG_LOG_LEVEL: return parse_log_level(optarg, &options->log_level, failure);
    case FLAG_ALLOW_ORIGIN: return parse_origin(optarg, options, failure);
    case FLAG_PUBLIC: options->public_path = optarg; break;
    case FLAG_IDEMPOTENCY_KEY: options->idempotency_key = optarg; break;
    case FLAG_ALL: options->all = true; break;
    case FLAG_DEV: options->dev = true; break;
    case FLAG_HELP: options->command = COMMAND_HELP; break;
    case FLAG_VERSION: options->command = COMMAND_VERSION; break;
    case FLAG_WORKERS:
      err = parse_count(name, optarg, false, 1, WORKERS_MAX, &number, failure);
      options->workers = (unsigned)number;
      break;
    case FLAG_DOORS:
      err = parse_count(name, optarg, false, 1, DOORS_MAX, &number, failure);
      options->doors = (unsigned)number;
      break;
    default: {
      uint64_t *limit = limit_place(got, &options->limits);
      CHECK(limit != NULL);
      bool sized = strstr(name, "-bytes") != NULL;
      return parse_count(name, optarg, sized, limit_min(got), limit_max(got), limit, failure);
    }
  }
  return err;
}

/* Whether an argument is a word though it begins with a minus: `-5` is JSON. */
static bool is_word(const char *argument) {
  return argument[0] != '-' || (argument[1] >= '0' && argument[1] <= '9');
}

/* getopt takes a beginning for the whole; what it begins may change with the next flag, so only the whole counts here. */
static bool is_whole(const char *argument, const char *name) {
  size_t size = strlen(name);
  const char *begin = argument + strspn(argument, "-");
  return strncmp(begin, name, size) == 0 && (begin[size] == '\0' || begin[size] == '=');
}

/* The flag at optind, which moves behind it and its value. */
static enum err read_flag(int argc, char **argv, struct options *options, struct failure *failure) {
  const char *argument = argv[optind];
  int index = 0;
  int got = getopt_long(argc, argv, "+:h", FLAGS, &index);
  if (got == 'h') {
    options->command = COMMAND_HELP;
    return ERR_NONE;
  }
  if (got == ':') return failure_set(failure, ERR_ARGUMENTS, "%s wants a value", argument);
  if (got == '?' && optopt >= FLAG_DATA) return failure_set(failure, ERR_ARGUMENTS, "%s: it takes no value", argument);
  if (got < FLAG_DATA || !is_whole(argument, FLAGS[index].name)) return unknown_flag(argument, failure);
  return apply_flag(got, FLAGS[index].name, options, failure);
}

/* Moves the words to the front of argv, in order, and applies the flags between them. */
static enum err read_arguments(int argc, char **argv, struct options *options, struct failure *failure) {
  bool only_words = false;
  int count = 0;
  optind = 1;
  opterr = 0;
  while (optind < argc) {
    char *argument = argv[optind];
    if (only_words || is_word(argument)) {
      options->words[count++] = argument;
      optind++;
      continue;
    }
    if (strcmp(argument, "--") == 0) {
      only_words = true;
      optind++;
      continue;
    }
    enum err err = read_flag(argc, argv, options, failure);
    if (err != ERR_NONE) return err;
  }
  options->word_count = count;
  return ERR_NONE;
}

/* Takes the command off the words. No command is `serve`. */
static void take_command(struct options *options) {
  if (options->word_count == 0) return;
  for (size_t i = 0; i < COMMAND_COUNT; i++) {
    if (strcmp(options->words[0], COMMANDS[i]) != 0) continue;
    bool asked_otherwise = options->command != COMMAND_SERVE;   /* `troupe call --help` */
    if (!asked_otherwise) options->command = (enum command)i;
    options->words++;
    options->word_count--;
    return;
  }
}

static bool is_folder(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* What stands in the place of a command and is none: a folder of actors, or a mistake. */
static enum err check_folder(struct options *options, struct failure *failure) {
  const char *word = options->word_count > 0 ? options->words[0] : NULL;
  if (word != NULL && options->word_count == 1) options->actors_path = word;
  if (options->word_count <= 1 && is_folder(options->actors_path)) return ERR_NONE;
  if (word == NULL) {
    return failure_set(failure, ERR_ARGUMENTS, "there is no folder %s here; name the folder of your classes, as in: "
                       "troupe my_actors (or troupe help)", options->actors_path);
  }

  size_t distance = SIZE_MAX;
  const char *near = NULL;
  for (size_t i = 0; i < COMMAND_COUNT; i++) guess(word, COMMANDS[i], &distance, &near);
  if (near != NULL) {
    return failure_set(failure, ERR_ARGUMENTS, "%s is neither a command nor a folder; did you mean %s?", word, near);
  }
  if (!is_folder(word)) {
    return failure_set(failure, ERR_ARGUMENTS, "%s is neither a folder of actors nor a command "
                       "(serve, call, inspect, destroy, calls, failed, backup, verify, version, help)", word);
  }
  return failure_set(failure, ERR_ARGUMENTS, "serve takes one folder of actors, and %s is one too many",
                     options->words[1]);
}

/* Nothing, or what is to become of one. */
static enum err check_failed_words(const struct options *options, struct failure *failure) {
  if (options->word_count == 0) return ERR_NONE;
  const char *word = options->words[0];
  bool is_known = strcmp(word, "retry") == 0 || strcmp(word, "drop") == 0;
  if (is_known && options->word_count == 2) return ERR_NONE;
  if (is_known) {
    return failure_set(failure, ERR_ARGUMENTS, "failed %s wants the ID of what was given up, as troupe failed shows it", word);
  }
  return failure_set(failure, ERR_ARGUMENTS, "failed wants nothing, or retry ID, or drop ID, and not %s", word);
}

static enum err check_words(struct options *options, struct failure *failure) {
  switch (options->command) {
    case COMMAND_SERVE: return check_folder(options, failure);
    case COMMAND_CALL:
      if (options->word_count >= 3) return ERR_NONE;
      return failure_set(failure, ERR_ARGUMENTS,
                         "call wants CLASS KEY METHOD, as in: troupe call Counter ann increment 5");
    case COMMAND_INSPECT:
      if (options->word_count == 2) return ERR_NONE;
      return failure_set(failure, ERR_ARGUMENTS, "inspect wants CLASS KEY, as in: troupe inspect Counter ann");
    case COMMAND_DESTROY:
      if (options->word_count == 2) return ERR_NONE;
      return failure_set(failure, ERR_ARGUMENTS, "destroy wants CLASS KEY, as in: troupe destroy Counter ann");
    case COMMAND_CALLS:
      if (options->word_count == 0) return ERR_NONE;
      return failure_set(failure, ERR_ARGUMENTS, "calls takes no words, and %s is one; troupe call calls an actor",
                         options->words[0]);
    case COMMAND_FAILED: return check_failed_words(options, failure);
    case COMMAND_BACKUP:
      if (options->word_count == 2) return ERR_NONE;
      return failure_set(failure, ERR_ARGUMENTS, "backup wants DATA_DIR DEST, as in: troupe backup data backups/monday");
    case COMMAND_VERIFY:
      if (options->word_count == 1) return ERR_NONE;
      return failure_set(failure, ERR_ARGUMENTS, "verify wants DATA_DIR, as in: troupe verify data");
    case COMMAND_VERSION: case COMMAND_HELP: break;
  }
  return ERR_NONE;
}

enum err options_parse(int argc, char **argv, struct options *options, struct failure *failure) {
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  *options = (struct options){
    .command = COMMAND_SERVE,
    .actors_path = "actors",
    .data_path = "./data",
    .listen = "127.0.0.1:7420",
    .workers = processors < 1 ? 1 : processors > WORKERS_MAX ? WORKERS_MAX : (unsigned)processors,
    .doors = 1,
    .log_level = LOG_INFO,
    .limits = limits_default(),
    .words = argv + 1,
  };
  enum err err = read_arguments(argc, argv, options, failure);
  if (err != ERR_NONE) return err;
  take_command(options);
  return check_words(options, failure);
}

void options_print_help(struct buf *buf) {
  buf_put_text(buf,
    "troupe " TROUPE_VERSION " -- a host for durable actors written in Lua\n"
    "\n"
    "troupe [serve] [ACTORS_DIR]             serves the classes in a folder (default: actors)\n"
    "  --data DIR                            where everything is kept (default: ./data; made if missing)\n"
    "  --listen HOST:PORT                    default: 127.0.0.1:7420; port 0 picks a free one\n"
    "  --workers N                           threads that run Lua (default: number of processors)\n"
    "  --doors N                             threads that speak HTTP (default: 1)\n"
    "  --durability commit|relaxed           relaxed: answers before the sync; a crash of the machine loses up to 1 s\n"
    "  --dev                                 errors of scripts reach the client in full; reload on change\n"
    "  --log-level LEVEL                     the least that is logged: trace, debug, info, warn, error (default: info)\n"
    "  --allow-origin ORIGIN                 a web page of this origin may call (repeatable; *: any); without it only pages\n"
    "                                        of the listen address and of loopback names at its port\n"
    "  --public DIR                          the files of this folder are served under /, to everybody\n"
    "\n"
    "troupe call CLASS KEY METHOD [JSON]...  calls a running host and prints the result as JSON\n"
    "  --idempotency-key KEY                 call: a repeat with the same key does not run again\n"
    "troupe inspect CLASS KEY                shows what an actor holds\n"
    "  --all                                 inspect: its schedules and the messages that wait for it, too\n"
    "troupe destroy CLASS KEY                destroys an actor, with all that it holds, as self:destroy() does\n"
    "troupe calls                            shows what each call waits for, in chains\n"
    "troupe failed                           shows the messages and schedules that were given up\n"
    "troupe failed retry ID                  lets one of them begin anew\n"
    "troupe failed drop ID                   drops one of them\n"
    "  --listen HOST:PORT                    where the host is\n"
    "  --data DIR                            where the operator's token is (or TROUPE_TOKEN has it)\n"
    "  A KEY that begins with [ is a JSON array, else it is one string.\n"
    "\n"
    "troupe backup DATA_DIR DEST             copies a data folder as it is between two calls, even while a host runs on it,\n"
    "                                        to a new one (the parent of DEST must exist)\n"
    "troupe verify DATA_DIR                  checks a data folder: store, log, records; names damage; exit status 1 then\n"
    "\n"
    "troupe version | help\n"
    "\n"
    "Limits, each a flag of serve; bytes may be written with k, m or g:\n");
#define LIMIT_HELP(field, flag, value, most, text) \
  buf_printf(buf, "  --%-24s %s (default: %llu)\n", flag " N", text, (unsigned long long)(value));
  LIMITS_LIST(LIMIT_HELP)
#undef LIMIT_HELP
}

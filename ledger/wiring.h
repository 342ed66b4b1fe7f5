/*
 * wiring.h - what the configuration says, as the options that each room asks for; and the one way
 * small files are written.
 *
 * Pure but for wiring_write_file().  Options borrow: their strings are the configuration's.
 */
#ifndef LEDGER_WIRING_H
#define LEDGER_WIRING_H

#include "config.h"
#include "net/net.h"
#include "serve/serve.h"

#define WIRING_STREAM_CREDIT 64 /* docs/WIRE.md: known to clients, so not an option */

/* A log's; 'create': it may be made. */
struct ledger_options wiring_ledger(
    const struct config_log *log, const struct log_sink *sink, bool create);
/* The native door's; sink and metrics may be NULL when it is only checked. */
struct net_options wiring_net(
    const struct config *c, const struct log_sink *sink, struct metrics *metrics);
/* The hall's; what lives (logs, limits, clock, wake) is the caller's to fill in. */
struct serve_options wiring_serve(const struct config *c);
/* log_level as a number; info for a word that is none. */
enum log_level wiring_level(const char *name);

/* Whole or not at all: written beside, synced, renamed. */
enum rc wiring_write_file(const char *path, struct bytes text, struct why *why);

#endif

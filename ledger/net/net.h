/*
 * net.h - the native door: loop, listener, TLS, connections: frames <-> calls.  docs/WIRE.md is the
 * contract.
 *
 * One thread runs net_run(); everything here but net_wake() and net_stop() belongs to it.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "base/log.h"
#include "base/metric.h"
#include "serve/serve.h"

struct net;

struct net_options {
	const char *listen;          /* "127.0.0.1:0" or "[::1]:7400" */
	/* plaintext, loopback addresses only: anything else is refused at start */
	bool insecure_loopback;
	/* PEM files; crl may be NULL */
	const char *tls_cert, *tls_key, *tls_client_ca, *tls_client_crl;
	size_t connections_max, connections_per_address_max, handshakes_max;
	unsigned handshake_ms, first_frame_ms, idle_ms, frame_ms, write_ms, drain_ms, connection_age_ms;
	size_t frame_max;            /* bytes of one frame from a client */
	size_t out_max;              /* bytes queued to a client before its calls wait */
	unsigned calls_per_connection_max, stream_credit;
	const struct log_sink *sink;
	struct metrics *metrics;
};

/* Could it be opened?  Reads address and TLS files, binds nothing. */
enum rc net_check(const struct net_options *options, struct why *why);
enum rc net_open(struct net **out, const struct net_options *options, struct why *why);
/* serve's wake callback: any thread. */
void net_wake(void *net);
void net_attach(struct net *n, struct serve *serve);
/* "HOST:PORT" that was bound. */
const char *net_address(const struct net *n);
/* Run until net_stop(); then drain: no new connections or calls, finish what is in flight within
 * drain_ms. */
enum rc net_run(struct net *n);
void net_stop(struct net *n);    /* async-signal-safe, any thread */
/* Loop thread (from the tick): take new TLS files, times and caps; what was bound and whether it is
 * plaintext stays.  Old connections keep their TLS files.  On an error nothing has changed.
 * 'options' is copied, its strings are borrowed until the next reload or net_close(). */
enum rc net_reload(struct net *n, const struct net_options *options, struct why *why);
/* Called about once a second on the loop thread (watchdog, gauges). */
void net_on_tick(struct net *n, void (*tick)(void *ctx), void *ctx);
void net_close(struct net *n);

#endif

/*
 * wiring.c - see wiring.h.  Field by field, so that a room's new option that nobody fills in is
 * seen here.
 */
#include "wiring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct ledger_options
wiring_ledger(const struct config_log *log, const struct log_sink *sink, bool create)
{
	return (struct ledger_options){
	    .folder = log->folder,
	    .origin = log->origin,
	    .key_path = log->key,
	    .map_size = log->map_size,
	    .free_bytes_min = log->free_bytes_min,
	    .index_flush_rows = (size_t)log->index_flush_rows,
	    .index_flush_ms = (unsigned)log->index_flush_ms,
	    .verify_newest = log->verify_newest,
	    .sink = sink,
	    .create = create,
	};
}

struct net_options
wiring_net(const struct config *c, const struct log_sink *sink, struct metrics *metrics)
{
	return (struct net_options){
	    .listen = c->listen,
	    .insecure_loopback = c->insecure_loopback,
	    .tls_cert = c->tls_cert,
	    .tls_key = c->tls_key,
	    .tls_client_ca = c->tls_client_ca,
	    .tls_client_crl = c->tls_client_crl,
	    .connections_max = (size_t)c->connections_max,
	    .connections_per_address_max = (size_t)c->connections_per_address_max,
	    .handshakes_max = (size_t)c->handshakes_max,
	    .handshake_ms = (unsigned)c->handshake_ms,
	    .first_frame_ms = (unsigned)c->first_frame_ms,
	    .idle_ms = (unsigned)c->idle_ms,
	    .frame_ms = (unsigned)c->frame_ms,
	    .write_ms = (unsigned)c->write_ms,
	    .drain_ms = (unsigned)c->drain_ms,
	    .connection_age_ms = (unsigned)c->connection_age_ms,
	    .frame_max = (size_t)c->frame_max,
	    .out_max = (size_t)c->out_max,
	    .calls_per_connection_max = (unsigned)c->calls_per_connection_max,
	    .stream_credit = WIRING_STREAM_CREDIT,
	    .sink = sink,
	    .metrics = metrics,
	};
}

struct serve_options
wiring_serve(const struct config *c)
{
	return (struct serve_options){
	    .verify_threads = (unsigned)c->verify_threads,
	    .reader_threads = (unsigned)c->reader_threads,
	    .calls_max = (size_t)c->calls_max,
	    .call_tokens_max = (size_t)c->call_tokens_max,
	    .call_bytes_max = (size_t)c->call_bytes_max,
	    .query_bytes_max = (size_t)c->query_bytes_max,
	    .requests_bytes_max = (size_t)c->requests_bytes_max,
	    .query_nodes_max = (size_t)c->query_nodes_max,
	    .query_entries_max = (size_t)c->query_entries_max,
	    .query_ms_max = (unsigned)c->query_ms_max,
	    .query_nice = (unsigned)c->query_nice,
	    .facts_bytes_max = c->facts_bytes_max,
	    .deadline_ms_max = (unsigned)c->deadline_ms_max,
	    .watches_max = (size_t)c->watches_max,
	    .wait_tokens_max = (size_t)c->wait_tokens_max,
	    .wait_bytes_max = (size_t)c->wait_bytes_max,
	    .wait_client_tokens_max = (size_t)c->wait_client_tokens_max,
	    .quota_clients_max = (size_t)c->quota_clients_max,
	};
}

enum log_level
wiring_level(const char *name)
{
	return strcmp(name, "error") == 0   ? LOG_ERROR
	       : strcmp(name, "warn") == 0  ? LOG_WARN
	       : strcmp(name, "debug") == 0 ? LOG_DEBUG
					    : LOG_INFO;
}

enum rc
wiring_write_file(const char *path, struct bytes text, struct why *why)
{
	char *temporary = NULL;
	enum rc rc = RC_NO_MEMORY;
	int fd = -1;
	bool written = false;

	if (asprintf(&temporary, "%s.tmp%ld", path, (long)getpid()) < 0)
		return rc;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	written = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
	if (fd >= 0 && close(fd) != 0)
		written = false;
	rc = written && rename(temporary, path) == 0
		 ? RC_OK
		 : why_set(why, RC_IO, "files", NULL, 0, "%.100s: %s", path, strerror(errno));
	if (rc != RC_OK)
		(void)unlink(temporary);
	free(temporary);
	return rc;
}

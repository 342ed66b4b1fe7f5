/*
 * log.h - log lines for operators: logfmt ("key=value") on standard error, one write(2) a line, any
 * thread.  Never a claim's content, never a key.  Values are quoted and escaped where needed.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_sink {
	int fd;
	enum log_level level;
	int json; /* one JSON object a line instead of logfmt */
};

/* 'event' is a fixed word; then pairs (const char *key, const char *value) ended by NULL.  sink
 * NULL: standard error, LOG_INFO. */
void log_event(const struct log_sink *sink, enum log_level level, const char *event, ...)
    __attribute__((sentinel));

/* Numbers as values: a small ring-free helper, valid until the end of the full expression. */
struct log_number {
	char text[32];
};
const char *log_u64(struct log_number *room, unsigned long long v);
#define LOG_U64(v) log_u64(&(struct log_number){{0}}, (unsigned long long)(v))

#endif

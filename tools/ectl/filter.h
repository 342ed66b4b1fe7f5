/*
 * filter.h - which entries: the options that search and watch share.
 */
#ifndef ECTL_FILTER_H
#define ECTL_FILTER_H

#include "entry_row.h"

#define FILTER_OPTIONS                                                                             \
	{"--iss", "URI", "of this issuer", false}, {"--act", "NAME", "with this exec_act", false}, \
	    {"--wid", "UUID", "of this workflow; \"none\": of no workflow", false},                \
	{                                                                                          \
		"--kind", "KIND",                                                                  \
		    "of this kind: task, failure, hitl_decision...; or key, policy, descriptor, "  \
		    "equivocation",                                                                \
		    false                                                                          \
	}

struct filter {
	Ectledger__V1__SearchRequest request; /* texts are the command line's, wid is ours */
	uint8_t wid[UUID_SIZE];
};
/* 0 or an exit code, message printed.  The filter must not be moved afterwards. */
int filter_read(const struct args *a, struct filter *f);

/* One compact line on standard output; takes the row.  0 or an exit code. */
int row_line(json_t *row);

#endif

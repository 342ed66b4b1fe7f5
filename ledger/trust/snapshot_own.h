/*
 * snapshot_own.h - a snapshot from inside: for snapshot.c and what it tells the history
 * (snapshot_facts.c).
 */
#ifndef TRUST_SNAPSHOT_OWN_H
#define TRUST_SNAPSHOT_OWN_H

#include <stdatomic.h>

#include "trust/key.h"
#include "trust/snapshot.h"

#define SNAPSHOT_NONE UINT32_MAX

/* Open addressing, linear probing; at most half full. */
struct table {
	uint32_t *slots; /* index + 1; 0: free */
	size_t room, used;
};

struct snapshot_domain {
	struct bytes name;
	size_t keys;
	size_t wit_keys;
	uint32_t last_wit_key;
	struct anchors anchors;
};

struct record {
	struct key *key;
	struct bytes source;
	uint32_t domain;
	bool wit;		/* signs WITs, not tokens */
	uint32_t first_binding; /* chain of this key's issuers */
	size_t bindings;
	/* In the first record of a key: over all its records, which are one subject of the history. */
	size_t all_bindings, all_issuers_size;
};

struct binding {
	uint32_t record;
	uint32_t next_of_key;
	uint32_t next_of_issuer; /* same domain, alg and issuer */
	struct bytes issuer;
};

struct trust_snapshot {
	atomic_size_t holders;
	uint8_t id[16];
	struct arena arena; /* names and issuers */
	struct snapshot_domain *domains;
	size_t domain_count, domain_room;
	struct record *records;
	size_t record_count, record_room;
	struct binding *bindings;
	size_t binding_count, binding_room;
	struct bytes source; /* of what is being added */
	struct table by_name, by_kid, by_thumb, by_issuer;
};

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which backend a forwarded connection is given. Every node that has the same backends chooses the same one, and a node
 * that has forgotten a connection chooses again as it did: nothing here is random.
 */
#ifndef MESHD_LIB_MAGLEV_H
#define MESHD_LIB_MAGLEV_H

static __always_inline __u32 md_mix_address(__u32 hash, const struct md_address *address)
{
	const __u32 *words = md_const_words(address);

	for (int word = 0; word < 4; word++)
		hash = md_mix(hash, words[word]);
	return hash;
}

/* With affinity all connections of a client are alike. */
static __always_inline __u32 md_hash_of(const struct md_track_key *key, bool has_affinity)
{
	__u32 hash = md_mix_address(key->protocol, &key->source);

	hash = md_mix_address(hash, &key->destination);
	hash = md_mix(hash, (__u32)(has_affinity ? 0 : key->source_port) << 16 | key->destination_port);
	return md_mix_end(hash);
}

static __always_inline __u32 md_maglev_at(const struct md_range *range, __u32 hash, __u32 *found)
{
	void *table = bpf_map_lookup_elem(&md_maglevs, &range->service_id);
	const struct md_maglev *row;
	__u32 size, entry, index = 0;
	__u64 place;

	row = table ? bpf_map_lookup_elem(table, &index) : NULL;
	if (!row)
		return 0;
	size = range->is_v4 ? row->size_v4 : row->size_v6;
	if (!size)
		return 0;
	entry = (range->is_v4 ? 0 : row->size_v4) + hash % size;
	*found = entry;
	index = entry / MD_MAGLEV_ROW;
	place = entry % MD_MAGLEV_ROW;
	row = bpf_map_lookup_elem(table, &index);
	/* The compiler knows, the verifier does not. */
	barrier_var(place);
	if (!row || place >= MD_MAGLEV_ROW)
		return 0;
	return row->backends[place];
}

/* A backend that may take this service's packets of this family, or NULL. */
static __always_inline const struct md_backend *md_backend_of(__u32 backend_id, __u32 service_id, bool is_v4)
{
	const struct md_backend *backend = bpf_map_lookup_elem(&md_backends, &backend_id);

	if (!backend || backend->service_id != service_id || md_is_v4(&backend->endpoint.address) != is_v4)
		return NULL;
	return backend;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who may connect to whom (docs/policy.md). Rules are compiled into classes and verdicts, so that a decision costs the
 * same with one rule and with thousands: a source or destination is looked up once for its class, and each pattern that
 * rules have costs one look for a verdict.
 *
 * All that programs read of one policy carries its generation, and they learn the generation from the one map that is
 * replaced by one update: rules of two generations never mix.
 */
#ifndef MESHD_POLICY_H
#define MESHD_POLICY_H

#include "meshd/types.h"

/* By what a rule knows its source and its destination. */
enum md_source_kind {
	MD_SOURCE_ANY = 0,
	MD_SOURCE_CIDR = 1,
	MD_SOURCE_WORKLOAD = 2, /* a cgroup, with all below it */
};

enum md_destination_kind {
	MD_DESTINATION_ANY = 0,
	MD_DESTINATION_CIDR = 1,
	MD_DESTINATION_SERVICE = 2,
};

/* Which parts of a connection a rule looks at. */
#define MD_PATTERN(source, destination, port, protocol)                                                                \
	(((source)*3 + (destination)) * 4 + ((port) ? 2 : 0) + ((protocol) ? 1 : 0))
#define MD_PATTERNS 36

enum md_prefix_kind {
	MD_PREFIX_SOURCE = 1,
	MD_PREFIX_DESTINATION = 2,
};

/* Key of the inner maps of md_policies, tries that find the longest prefix. */
struct md_prefix {
	__u32 length; /* bits of what follows: MD_PREFIX_HEAD and those of the address */
	__u8 kind;    /* enum md_prefix_kind */
	__u8 reserved[3];
	struct md_address address;
};
#define MD_PREFIX_HEAD 32

enum md_verdict_kind {
	MD_VERDICT_ALLOW = 0,
	MD_VERDICT_DENY = 1,
};

/*
 * Value of those tries: the class of an address, and what holds for the whole policy. The empty prefixes of both kinds
 * are always there, so every look finds the latter.
 */
struct md_policy {
	__u32 class_id; /* 0: no rule names a prefix of this address */
	__u32 generation;
	__u64 patterns; /* bit MD_PATTERN(): some rule has it */
	/* Sources of sockets that are bound to no address yet, by the family that they connect to: of this node's
	 * network namespace, and of others, of which the agent knows no address. */
	__u32 local_v4;
	__u32 local_v6;
	__u32 unknown_v4;
	__u32 unknown_v6;
	__u64 netns;          /* cookie of this node's network namespace; 0: not known */
	__u32 exempt_user;    /* uid of the worker, which is never cut off; 0: none */
	__u8 default_verdict; /* enum md_verdict_kind: where no rule matches */
	__u8 audit;           /* 1: denied connections are counted and pass */
	__u8 denies_packets;  /* 1: there are packets at devices that it denies */
	__u8 reserved;
};

enum md_policy_id_kind {
	MD_ID_SERVICE = 1,
	MD_ID_WORKLOAD = 2,
};

/* Key of md_policy_ids. */
struct md_policy_id {
	__u32 generation;
	__u8 kind; /* enum md_policy_id_kind */
	__u8 reserved[3];
	struct md_endpoint endpoint; /* a service's; of a workload: see md_set_cgroup() */
};

/* Value of md_policy_ids: a class. Never 0. */
struct md_policy_class {
	__u32 class_id;
};

/* Key of md_verdicts. What the pattern does not look at is zero. */
struct md_verdict_key {
	__u32 generation;
	__u32 source;      /* class */
	__u32 destination; /* class */
	__be16 port;
	__u8 protocol;
	__u8 pattern;
};

/* Value of md_verdicts: the most specific rule of this pattern for these classes. */
struct md_verdict {
	__u64 rule;   /* stays the same as long as the rule has its name and file; key of md_rule_hits */
	__u32 rank;   /* place among all rules, the most specific first */
	__u8 verdict; /* enum md_verdict_kind */
	__u8 reserved[3];
};

/* Value of md_rule_hits, per CPU; rule 0: the default. */
struct md_rule_hits {
	__u64 allowed;
	__u64 denied;
	__u64 audited; /* would have been denied */
};

/* Program md_ask_policy: what does the policy say? */
struct md_ask_policy {
	struct md_endpoint destination; /* in */
	struct md_address source;       /* in: zero: a socket of this node that is bound to no address */
	__u32 foreign;                  /* in: 1: such a socket of another network namespace */
	__u64 cgroups[4];               /* in: ids, the deepest first; 0: none */
	__u64 rule;                     /* out: 0: the default, or no policy */
	__u32 generation;               /* out: 0: no policy */
	__u32 rank;                     /* out: ~0: the default */
	__u8 verdict;                   /* out: enum md_verdict_kind */
	__u8 audit;                     /* out */
	__u8 reserved[6];
};

#endif

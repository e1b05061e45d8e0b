/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The parts of the rule that keeps the short way safe (docs/acceleration.md). Each can be left out by a build
 * (-DMESHD_WITHOUT_RULE=ORDER, for instance), to show that the stress test notices. No package is built so.
 */
#ifndef MESHD_LIB_RULE_H
#define MESHD_LIB_RULE_H

#ifdef MD_WITHOUT_ORDER
#define MD_RULE_ORDER 0
#else
#define MD_RULE_ORDER 1
#endif

#ifdef MD_WITHOUT_BACKPRESSURE
#define MD_RULE_BACKPRESSURE 0
#else
#define MD_RULE_BACKPRESSURE 1
#endif

#ifdef MD_WITHOUT_IDENTITY
#define MD_RULE_IDENTITY 0
#else
#define MD_RULE_IDENTITY 1
#endif

#ifdef MD_WITHOUT_BOTH_ENDS
#define MD_RULE_BOTH_ENDS 0
#else
#define MD_RULE_BOTH_ENDS 1
#endif

#endif

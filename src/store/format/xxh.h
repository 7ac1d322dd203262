/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xxh.h - gives the functions of libxxhash that do much work, in the variant for this CPU.
 *
 * The variants are weak symbols. Debian's libxxhash.so has them, its libxxhash.a does not, and a
 * program that is linked statically works without them. Pure functions.
 */
#ifndef STORE_XXH_H
#define STORE_XXH_H

#include <stddef.h>
#include <stdint.h>

/* This gives the size of XXH3's state, so that the state needs no memory from the heap. */
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>
#ifdef WEIR_XXH_DISPATCH
#define XXH_DISPATCH_DISABLE_REPLACE
#include <xxh_x86dispatch.h>
#pragma weak XXH3_64bits_withSeed_dispatch
#pragma weak XXH3_64bits_update_dispatch
#pragma weak XXH3_128bits_withSecret_dispatch
#endif

static inline uint64_t xxh_hash(const void *data, size_t length, uint64_t seed)
{
#ifdef WEIR_XXH_DISPATCH
	if (XXH3_64bits_withSeed_dispatch)
		return XXH3_64bits_withSeed_dispatch(data, length, seed);
#endif
	return XXH3_64bits_withSeed(data, length, seed);
}

static inline XXH128_hash_t xxh_hash_wide(const void *data, size_t length, const void *secret,
					  size_t secret_length)
{
#ifdef WEIR_XXH_DISPATCH
	if (XXH3_128bits_withSecret_dispatch)
		return XXH3_128bits_withSecret_dispatch(data, length, secret, secret_length);
#endif
	return XXH3_128bits_withSecret(data, length, secret, secret_length);
}

static inline void xxh_update(XXH3_state_t *state, const void *data, size_t length)
{
#ifdef WEIR_XXH_DISPATCH
	if (XXH3_64bits_update_dispatch) {
		XXH3_64bits_update_dispatch(state, data, length);
		return;
	}
#endif
	XXH3_64bits_update(state, data, length);
}

#endif

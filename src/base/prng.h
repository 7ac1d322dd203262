/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prng.h - random numbers that are the same on every machine: splitmix64 spreads a seed, and
 * xoshiro256** makes the numbers. The owner of a struct prng is whoever has it in memory.
 */
#ifndef PRNG_H
#define PRNG_H

#include <stdint.h>

/* Spreads X over 64 bits. Different X give different results. */
static inline uint64_t prng_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

struct prng {
	uint64_t s[4];
};

/* Starts P from SEED; every seed is a good one. */
static inline void prng_seed(struct prng *p, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		p->s[i] = prng_mix(seed + (uint64_t)i * 0x9e3779b97f4a7c15ull);
}

static inline uint64_t prng_rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

/* Returns the next 64 bits of P. */
static inline uint64_t prng_next(struct prng *p)
{
	uint64_t result = prng_rotate(p->s[1] * 5, 7) * 9;
	uint64_t t = p->s[1] << 17;

	p->s[2] ^= p->s[0];
	p->s[3] ^= p->s[1];
	p->s[1] ^= p->s[2];
	p->s[0] ^= p->s[3];
	p->s[2] ^= t;
	p->s[3] = prng_rotate(p->s[3], 45);
	return result;
}

/* Returns a number from 0 to N - 1; N is at least 1. The bias is below N / 2^64. */
static inline uint64_t prng_below(struct prng *p, uint64_t n)
{
	return (uint64_t)((unsigned __int128)prng_next(p) * n >> 64);
}

/* Returns a number from 0 (which it never reaches) to 1. */
static inline double prng_unit(struct prng *p)
{
	return ((double)(prng_next(p) >> 11) + 0.5) / 9007199254740992.0;
}

#endif

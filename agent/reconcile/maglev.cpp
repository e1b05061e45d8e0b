// SPDX-License-Identifier: Apache-2.0
#include "reconcile/maglev.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "reconcile/encode.hpp"

namespace meshd::reconcile {

namespace {

// The largest prime below each power of two, and 65537. A new size moves nearly all places, so there are few.
constexpr std::array<std::uint32_t, 9> sizes{251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65537};
constexpr std::size_t places_each = 550;
constexpr std::size_t least_moves_others = 3;  // of two backends, the one that stays takes all: any table will do

// The finalizer of SplitMix64 (Steele et al., OOPSLA 2014): each bit of the input changes half of the output's.
std::uint64_t mix(std::uint64_t value) {
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ value >> 27) * 0x94d049bb133111ebULL;
    return value ^ value >> 31;
}

std::uint64_t hash(const md_endpoint& endpoint, std::uint64_t seed) {
    std::array<std::uint64_t, 3> words{};
    static_assert(sizeof endpoint <= sizeof words);
    std::memcpy(words.data(), &endpoint, sizeof endpoint);
    for (const auto word : words) seed = mix(seed + 0x9e3779b97f4a7c15ULL + word);
    return seed;
}

// Walks a backend's own permutation of the places.
class Preference {
public:
    Preference(const md_endpoint& endpoint, std::uint32_t size)
        : size_(size),
          next_(static_cast<std::uint32_t>(hash(endpoint, 1) % size)),
          skip_(static_cast<std::uint32_t>(hash(endpoint, 2) % (size - 1) + 1)) {}

    std::uint32_t take() {
        const auto place = next_;
        next_ += skip_;
        if (next_ >= size_) next_ -= size_;
        return place;
    }

private:
    std::uint32_t size_, next_, skip_;
};

bool by_endpoint(const Candidate& a, const Candidate& b) { return BytesLess{}(a.endpoint, b.endpoint); }

}  // namespace

std::uint32_t maglev_size(std::size_t backends) {
    const auto* const fitting = std::find_if(sizes.begin(), sizes.end(), [&](std::uint32_t size) {
        return backends < least_moves_others || size >= backends * places_each;
    });
    return fitting == sizes.end() ? sizes.back() : *fitting;
}

std::vector<std::uint32_t> maglev_places(const std::vector<Candidate>& candidates, std::uint32_t size) {
    if (candidates.empty()) return {};
    std::vector<std::uint32_t> order(candidates.size());
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(),
              [&](std::uint32_t a, std::uint32_t b) { return by_endpoint(candidates[a], candidates[b]); });
    std::vector<Preference> preferences;
    preferences.reserve(order.size());
    std::uint32_t heaviest = 1;
    for (const auto index : order) {
        preferences.emplace_back(candidates[index].endpoint, size);
        heaviest = std::max(heaviest, candidates[index].weight);
    }

    // In each round the heaviest has a turn, the others as often as their weight is of its; the first round is everybody's.
    std::vector<std::uint32_t> saved;
    saved.reserve(order.size());
    for (const auto index : order) saved.push_back(heaviest - candidates[index].weight);
    constexpr auto nobody = ~std::uint32_t{0};
    std::vector<std::uint32_t> places(size, nobody);
    for (std::uint32_t filled = 0;;) {
        for (std::size_t i = 0; i < order.size(); ++i) {
            saved[i] += candidates[order[i]].weight;
            if (saved[i] < heaviest) continue;
            saved[i] -= heaviest;
            auto place = preferences[i].take();
            while (places[place] != nobody) place = preferences[i].take();
            places[place] = order[i];
            if (++filled == size) return places;
        }
    }
}

std::uint64_t maglev_fingerprint(const MaglevInput& input) {
    // A sum does not depend on order. The sizes follow from the numbers of backends.
    std::uint64_t sum = mix(std::uint64_t{maglev_size(input.backends_v4)} << 32 | maglev_size(input.backends_v6));
    for (const auto& candidate : input.candidates)
        sum += hash(candidate.endpoint, std::uint64_t{candidate.id} << 32 | candidate.weight);
    sum = mix(sum);
    return sum != 0 ? sum : 1;
}

std::vector<md_maglev> build_maglev(const MaglevInput& input) {
    std::vector<Candidate> v4;
    std::vector<Candidate> v6;
    for (const auto& candidate : input.candidates) (decode(candidate.endpoint).address.is_v4() ? v4 : v6).push_back(candidate);
    const auto places_v4 = maglev_places(v4, maglev_size(input.backends_v4));
    const auto places_v6 = maglev_places(v6, maglev_size(input.backends_v6));

    md_maglev head{};
    head.size_v4 = static_cast<std::uint32_t>(places_v4.size());
    head.size_v6 = static_cast<std::uint32_t>(places_v6.size());
    head.fingerprint = maglev_fingerprint(input);
    const auto count = places_v4.size() + places_v6.size();
    std::vector<md_maglev> rows(std::max<std::size_t>((count + MD_MAGLEV_ROW - 1) / MD_MAGLEV_ROW, 1), head);
    for (std::size_t i = 0; i < count; ++i)
        rows[i / MD_MAGLEV_ROW].backends[i % MD_MAGLEV_ROW] =
            i < places_v4.size() ? v4[places_v4[i]].id : v6[places_v6[i - places_v4.size()]].id;
    return rows;
}

}  // namespace meshd::reconcile

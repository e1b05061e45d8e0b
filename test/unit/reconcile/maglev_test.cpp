// SPDX-License-Identifier: Apache-2.0
#include "reconcile/maglev.hpp"

#include <algorithm>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "reconcile/encode.hpp"

namespace meshd::reconcile {
namespace {

Candidate candidate(std::uint32_t id, const std::string& endpoint, std::uint32_t weight = 1) {
    return {id, encode(*base::SocketAddress::parse(endpoint), base::Protocol::tcp), weight};
}

std::vector<Candidate> random_candidates(std::mt19937& random, std::size_t count) {
    std::vector<Candidate> all;
    for (std::uint32_t i = 0; i < count; ++i)
        all.push_back(candidate(i + 1, "10." + std::to_string(random() % 250) + "." + std::to_string(i / 250) + "." +
                                           std::to_string(i % 250) + ":8080"));
    return all;
}

std::vector<std::uint32_t> shares(const std::vector<std::uint32_t>& places, std::size_t candidates) {
    std::vector<std::uint32_t> counts(candidates);
    for (const auto index : places) ++counts[index];
    return counts;
}

bool is_prime(std::uint32_t number) {
    for (std::uint32_t divisor = 2; divisor * divisor <= number; ++divisor)
        if (number % divisor == 0) return false;
    return number > 1;
}

// The part of all places that changed hands although the candidate that left did not have them.
double moved_needlessly(const std::vector<Candidate>& candidates, std::uint32_t leaving) {
    const auto size = maglev_size(candidates.size());
    const auto before = maglev_places(candidates, size);
    auto rest = candidates;
    rest.erase(rest.begin() + leaving);
    const auto after = maglev_places(rest, size);
    std::uint32_t moved = 0;
    for (std::uint32_t i = 0; i < size; ++i)
        if (before[i] != leaving && candidates[before[i]].id != rest[after[i]].id) ++moved;
    return static_cast<double>(moved) / size;
}

TEST(Maglev, HasAPrimeOfPlacesEnoughForEachBackend) {
    for (std::size_t backends = 0; backends <= MD_MAX_SLOTS; ++backends) {
        const auto size = maglev_size(backends);
        EXPECT_TRUE(is_prime(size)) << size;
        EXPECT_GE(size, std::min<std::size_t>(backends * 100, 65537));
    }
}

TEST(Maglev, GivesEachOfEqualWeightTheSameNumberOfPlacesButOne) {
    std::mt19937 random(1);
    for (const std::size_t count : {1, 2, 3, 7, 10, 50, 163, 1000}) {
        const auto counts = shares(maglev_places(random_candidates(random, count), maglev_size(count)), count);
        const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
        EXPECT_LE(*most - *least, 1U) << count;
    }
}

TEST(Maglev, SharesPlacesByWeight) {
    const std::vector<Candidate> three{candidate(1, "10.0.0.1:80", 1), candidate(2, "10.0.0.2:80", 3),
                                       candidate(3, "10.0.0.3:80", 6)};
    const auto size = maglev_size(3);
    const auto counts = shares(maglev_places(three, size), 3);
    for (std::size_t i = 0; i < three.size(); ++i) EXPECT_NEAR(counts[i], size * three[i].weight / 10.0, 2) << i;
}

TEST(Maglev, LeavesNobodyWithAWeightWithoutAPlace) {
    const auto counts = shares(maglev_places({candidate(1, "10.0.0.1:80", 1), candidate(2, "10.0.0.2:80", 1000)}, 251), 2);
    EXPECT_GE(counts[0], 1U);
    EXPECT_GE(counts[1], 249U);
}

// Mean over sets of backends and over who leaves. One set may have it worse: places are a matter of luck where there are few.
double mean_moved_needlessly(std::mt19937& random, std::size_t count) {
    const int sets = count < 40 ? 20 : 3;
    const auto leavers = std::min<std::size_t>(count, count < 40 ? 8 : 3);
    double sum = 0;
    for (int set = 0; set < sets; ++set) {
        const auto candidates = random_candidates(random, count);
        for (std::uint32_t leaving = 0; leaving < leavers; ++leaving) sum += moved_needlessly(candidates, leaving);
    }
    return sum / (sets * static_cast<double>(leavers));
}

TEST(Maglev, MovesLessThanAHundredthThatNeedNotWhenOneLeaves) {
    std::mt19937 random(7);
    std::vector<std::size_t> counts(19);
    std::iota(counts.begin(), counts.end(), 2U);
    for (const std::size_t more : {29, 30, 40, 59, 60, 90, 119, 120, 163, 250, 350, 450, 700, 1000}) counts.push_back(more);
    for (const auto count : counts) EXPECT_LT(mean_moved_needlessly(random, count), 0.01) << count << " backends";
}

TEST(Maglev, IsTheSameForEveryOrderAndEveryIds) {
    std::mt19937 random(3);
    auto candidates = random_candidates(random, 20);
    const auto size = maglev_size(20);
    const auto places = maglev_places(candidates, size);
    auto others = candidates;
    std::shuffle(others.begin(), others.end(), random);
    for (auto& other : others) other.id += 1000;
    const auto again = maglev_places(others, size);
    for (std::uint32_t i = 0; i < size; ++i) ASSERT_TRUE(same_bytes(candidates[places[i]].endpoint, others[again[i]].endpoint));
}

TEST(Maglev, IsTheSameAcrossVersionsOfTheAgent) {
    const std::vector<Candidate> three{candidate(1, "10.0.0.1:80"), candidate(2, "10.0.0.2:80"), candidate(3, "[fd00::3]:80")};
    const auto places = maglev_places(three, 251);
    std::uint64_t digest = 0;
    for (const auto place : places) digest = digest * 31 + place;
    EXPECT_EQ(digest, 1896214797516713530U);
}

TEST(Maglev, HoldsIpv4ThenIpv6InRows) {
    const MaglevInput input{{candidate(5, "10.0.0.1:80"), candidate(6, "[fd00::1]:80")}, 1, 1};
    const auto rows = build_maglev(input);
    ASSERT_EQ(rows.size(), (251U * 2 + MD_MAGLEV_ROW - 1) / MD_MAGLEV_ROW);
    for (std::uint32_t place = 0; place < 502; ++place)
        EXPECT_EQ(rows[place / MD_MAGLEV_ROW].backends[place % MD_MAGLEV_ROW], place < 251 ? 5U : 6U) << place;
    for (const auto& row : rows) {
        EXPECT_EQ(row.size_v4, 251U);
        EXPECT_EQ(row.size_v6, 251U);
        EXPECT_EQ(row.fingerprint, maglev_fingerprint(input));
    }
    EXPECT_EQ(rows.back().backends[MD_MAGLEV_ROW - 1], 0U);  // behind the end
}

TEST(Maglev, OfNobodyHasOneEmptyRow) {
    const auto rows = build_maglev({{}, 2, 0});
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].size_v4 + rows[0].size_v6, 0U);
    EXPECT_NE(rows[0].fingerprint, 0U);
}

TEST(MaglevFingerprint, ChangesWithWhateverChangesTheRows) {
    const MaglevInput input{{candidate(1, "10.0.0.1:80"), candidate(2, "10.0.0.2:80")}, 2, 0};
    auto reordered = input;
    std::swap(reordered.candidates[0], reordered.candidates[1]);
    EXPECT_EQ(maglev_fingerprint(reordered), maglev_fingerprint(input));

    std::vector<MaglevInput> others(5, input);
    others[0].candidates[0].id = 3;
    others[1].candidates[0].weight = 2;
    others[2].candidates[0].endpoint.port = 1;
    others[3].candidates.pop_back();
    others[4].backends_v4 = 3;
    for (const auto& other : others) EXPECT_NE(maglev_fingerprint(other), maglev_fingerprint(input));
    auto swapped = input;  // the ids change places
    std::swap(swapped.candidates[0].id, swapped.candidates[1].id);
    EXPECT_NE(maglev_fingerprint(swapped), maglev_fingerprint(input));
}

}  // namespace
}  // namespace meshd::reconcile

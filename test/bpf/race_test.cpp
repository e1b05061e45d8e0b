// SPDX-License-Identifier: Apache-2.0
// What several CPUs do at the same moment.
#include <atomic>
#include <map>
#include <thread>

#include <sched.h>

#include "bpf/packet_fixture.hpp"

namespace meshd::packet {
namespace {

// Runs a part on each of so many CPUs, all at once.
template <typename Part>
void at_once(int cpus, const Part& part) {
    std::atomic<int> waiting{cpus};
    std::vector<std::thread> threads;
    for (int cpu = 0; cpu < cpus; ++cpu)
        threads.emplace_back([&, cpu] {
            cpu_set_t set;
            CPU_ZERO(&set);
            CPU_SET(static_cast<unsigned>(cpu), &set);
            ::sched_setaffinity(0, sizeof set, &set);
            --waiting;
            while (waiting > 0) {
            }
            part(cpu);
        });
    for (auto& thread : threads) thread.join();
}

class RaceTest : public PacketTest {};

// As many ports as there are CPUs, each with a client of its own: everybody finds one, nobody that of another.
TEST_F(RaceTest, GivesNoPortTwiceWhenCpusAskAtOnce) {
    const int cpus = std::min(4, ::libbpf_num_possible_cpus());
    if (cpus < 2) GTEST_SKIP() << "needs two CPUs";
    lab().serve({});
    for (int round = 0; round < 3000; ++round) {
        for (const char* map : {"md_opening", "md_tracks"})
            for (const auto& [key, track] : lab().tracks(map)) ::bpf_map_delete_elem(lab().map(map), &key);
        lab().configure(MD_MASQUERADE_ALWAYS, false, 61001, static_cast<std::uint16_t>(61000 + cpus));
        std::atomic<int> failed{0};
        at_once(cpus, [&](int cpu) {
            const auto bytes = build(
                {.source = "192.0.2." + std::to_string(10 + cpu), .source_port = static_cast<std::uint16_t>(20000 + round)});
            Bytes out(bytes.size() + 64);
            __sk_buff context{};
            context.ifindex = lab().clients();
            LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = bytes.data(), .data_out = out.data(),
                        .data_size_in = static_cast<__u32>(bytes.size()), .data_size_out = static_cast<__u32>(out.size()),
                        .ctx_in = &context, .ctx_size_in = sizeof context);
            if (::bpf_prog_test_run_opts(lab().program("md_ingress"), &options) != 0 || static_cast<int>(options.retval) != next)
                ++failed;
        });
        EXPECT_EQ(failed, 0) << "round " << round;
        std::map<std::uint16_t, int> users;
        for (const auto& [key, track] : lab().tracks("md_opening"))
            if (track.kind == MD_TRACK_SOURCE) ++users[ntohs(track.source_port)];
        EXPECT_EQ(users.size(), static_cast<std::size_t>(cpus)) << "round " << round;
        if (HasFailure()) return;
    }
}

}  // namespace
}  // namespace meshd::packet

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "tls/authority.hpp"

namespace meshd::tls {

namespace {

tl::unexpected<base::Error> refuse(const std::string& directory, std::string why, std::string remedy) {
    return base::fail({"rotate the authority in", directory, 0, std::move(why), std::move(remedy)});
}

}  // namespace

base::Result<void> Authority::prepare(KeyKind kind) {
    if (record_.next) return refuse(directory_, "a new generation waits already", "--switch lets it sign");
    if (record_.old) return refuse(directory_, "the rotation before has not ended", "--finish ends it");
    const auto generation = record_.signing + 1;
    auto done = make_generation(generation, kind);
    record_.next = generation;
    if (done) done = write_believed();
    if (done) done = write_record();
    return done;
}

base::Result<void> Authority::switch_over() {
    if (!record_.next) return refuse(directory_, "no new generation waits", "`meshctl ca rotate` makes one");
    record_.old = record_.signing;
    record_.signing = *record_.next;
    record_.next.reset();
    auto done = write_believed();
    if (done) done = write_record();
    return done;
}

base::Result<void> Authority::finish(Unfinished unfinished) {
    if (!record_.old)
        return refuse(directory_, "nothing is left of an old generation",
                      record_.next ? "--switch comes first" : "`meshctl ca rotate` begins");
    const auto old = *record_.old;
    const auto now = std::chrono::system_clock::now();
    const auto in_use = std::count_if(record_.issued.begin(), record_.issued.end(),
                                      [&](const auto& one) { return one.generation == old && !one.revoked && one.ends > now; });
    if (in_use > 0 && unfinished == Unfinished::refuse)
        return refuse(directory_, fmt::format("{} of the old generation are valid still: nobody would believe them", in_use),
                      "issue them anew (`meshctl ca show` lists them), or say --force");
    record_.issued.erase(
        std::remove_if(record_.issued.begin(), record_.issued.end(), [&](const auto& one) { return one.generation == old; }),
        record_.issued.end());
    record_.old.reset();
    auto done = write_believed();
    if (done) done = write_record();
    if (!done) return done;
    std::error_code error;
    std::filesystem::remove_all(fmt::format("{}/{}", directory_, old), error);
    if (error) return base::fail({"remove", fmt::format("{}/{}", directory_, old), error.value(), {}, "remove it: it has keys"});
    return {};
}

}  // namespace meshd::tls

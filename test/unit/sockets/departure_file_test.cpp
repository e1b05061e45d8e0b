// SPDX-License-Identifier: Apache-2.0
#include "sockets/departure_file.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "reconcile/encode.hpp"

namespace meshd::sockets {
namespace {

Departure sample(const std::string& backend, Why why, base::Protocol protocol = base::Protocol::tcp) {
    Departure departure;
    departure.service = "shop/web:80/tcp";
    departure.service_id = 7;
    departure.backend = reconcile::encode(*base::SocketAddress::parse(backend), protocol);
    departure.why = why;
    departure.gone = why == Why::removed;
    departure.since_ns = 123456789012345;
    departure.policy = {60, model::DrainSockets::close, model::DrainSockets::keep};
    departure.closed = 3;
    return departure;
}

Departures::All all(const std::vector<Departure>& departures) {
    Departures::All result;
    for (const auto& one : departures) result.emplace(Departures::Key{one.service_id, one.backend}, one);
    return result;
}

TEST(DepartureFile, ReadsBackWhatItWrites) {
    const auto written = all({sample("10.0.0.1:80", Why::drain), sample("[fd00::1]:53", Why::removed, base::Protocol::udp)});
    const auto read = parse_departures(departures_text(written, "boot-1"), "boot-1");
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(departures_text(all(*read), "boot-1"), departures_text(written, "boot-1"));
    EXPECT_EQ(read->size(), 2U);
}

TEST(DepartureFile, MeansNothingAfterAReboot) {
    const auto text = departures_text(all({sample("10.0.0.1:80", Why::drain)}), "boot-1");
    EXPECT_TRUE(parse_departures(text, "boot-2")->empty());
    EXPECT_TRUE(parse_departures(departures_text(all({sample("10.0.0.1:80", Why::drain)}), ""), "")->empty());
}

TEST(DepartureFile, RefusesWhatItDidNotWrite) {
    const auto good = departures_text(all({sample("10.0.0.1:80", Why::drain)}), "boot-1");
    const auto with = [&](const std::string& from, const std::string& to) {
        auto text = good;
        const auto at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return text.replace(at, from.size(), to);
    };
    for (const auto& text :
         {std::string(), std::string("[]"), std::string("{}"), good.substr(0, good.size() / 2),
          with("\"format\":1", "\"format\":2"), with("\"boot\":\"boot-1\"", "\"boot\":1"), with("10.0.0.1:80", "10.0.0.1"),
          with("\"drain\"", "\"drained\""), with("\"gone\":false", "\"gone\":0"),
          with("\"service_id\":7", "\"service_id\":4294967296"), with("\"since_ns\":123456789012345", "\"since_ns\":-1"),
          with("\"deadline_s\":60", "\"deadline_s\":604801"), with("\"tcp\"", "\"sctp\"")})
        EXPECT_FALSE(parse_departures(text, "boot-1")) << text;
}

TEST(DepartureFile, IsReplacedWhole) {
    const auto directory = std::filesystem::temp_directory_path() / ("meshd-departures-" + std::to_string(::getpid()));
    const DepartureFile file(directory);
    EXPECT_TRUE(file.load()->empty());
    const auto departures = all({sample("10.0.0.1:80", Why::maint)});
    ASSERT_TRUE(file.save(departures_text(departures, boot_id())));
    ASSERT_TRUE(file.save(departures_text(departures, boot_id())));
    const auto read = file.load();
    ASSERT_TRUE(read) << read.error().message();
    ASSERT_EQ(read->size(), 1U);
    EXPECT_EQ(read->front().why, Why::maint);
    std::ofstream(directory / "departures.json") << "nonsense";
    const auto bad = file.load();
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().object, (directory / "departures.json").string());
    ASSERT_TRUE(file.remove());
    ASSERT_TRUE(file.remove());
    EXPECT_TRUE(std::filesystem::is_empty(directory));
    std::filesystem::remove(directory);
}

}  // namespace
}  // namespace meshd::sockets

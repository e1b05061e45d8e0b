// SPDX-License-Identifier: Apache-2.0
#include "model/picture_json.hpp"

#include <boost/json.hpp>

#include "model/members.hpp"

namespace meshd::model {

namespace json = boost::json;

json::object to_json(const PictureSettings& picture) {
    return {{"listen", picture.listen.text()},
            {"token_file", picture.token_file},
            {"hosts", json::array(picture.hosts.begin(), picture.hosts.end())}};
}

base::Result<PictureSettings> picture_from_json(const json::value& value, const std::string& where) {
    Members members(value, where);
    PictureSettings picture;
    const auto listen = base::SocketAddress::parse(members.text("listen"));
    if (!listen) members.wrong("listen", "ADDRESS:PORT");
    picture.listen = listen.value_or(picture.listen);
    picture.token_file = members.path("token_file", true);
    if (picture.token_file.empty() && !is_loopback(picture.listen.address))
        members.wrong("token_file", "a file, since others than this host reach the address");
    picture.hosts = members.texts("hosts");
    if (picture.hosts.size() > max_picture_hosts) members.wrong("hosts", "at most " + std::to_string(max_picture_hosts));
    if (auto read = members.outcome(); !read) return tl::make_unexpected(read.error());
    return picture;
}

}  // namespace meshd::model

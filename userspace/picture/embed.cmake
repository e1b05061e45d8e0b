# Writes OUTPUT, a C++ file that has FILES in it. The text has the hash of each, so that another content is compiled anew.
set(parts "")
set(names "")
set(rows "")
set(number 0)
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME)
  get_filename_component(suffix ${file} LAST_EXT)
  if(suffix STREQUAL ".html")
    set(type "text/html; charset=utf-8")
  elseif(suffix STREQUAL ".css")
    set(type "text/css; charset=utf-8")
  elseif(suffix STREQUAL ".svg")
    set(type "image/svg+xml")
  elseif(suffix MATCHES "^\\.m?js$")
    set(type "text/javascript; charset=utf-8")
  else()
    message(FATAL_ERROR "${file}: which type has it?")
  endif()
  file(SHA256 ${file} hash)
  string(SUBSTRING ${hash} 0 16 hash)
  set(symbol meshd_picture_${number})
  string(APPEND parts "    \".global ${symbol}\\n.hidden ${symbol}\\n${symbol}:\\n.incbin \\\"${file}\\\"\\n\"\n"
                      "    \".global ${symbol}_end\\n.hidden ${symbol}_end\\n${symbol}_end:\\n.byte 0\\n\"\n")
  string(APPEND names "extern const char ${symbol}[], ${symbol}_end[];\n")
  string(APPEND rows "        {\"/${name}\", \"${type}\", {${symbol}, static_cast<std::size_t>(${symbol}_end - ${symbol})}, \"\\\"${hash}\\\"\"},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUTPUT} "// Made by embed.cmake.
#include \"picture/assets.hpp\"

asm(\".pushsection .rodata.meshd_picture, \\\"a\\\", @progbits\\n\"
${parts}    \".popsection\\n\");

extern \"C\" {
${names}}

namespace meshd::picture {

const std::vector<Asset>& assets() {
    static const std::vector<Asset> all{
${rows}    };
    return all;
}

}  // namespace meshd::picture
")

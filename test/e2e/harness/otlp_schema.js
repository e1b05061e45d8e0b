// SPDX-License-Identifier: Apache-2.0
// Compares requests of OTLP, one JSON object a line on standard input, with OpenTelemetry's own definitions of the protocol as its
// package for JavaScript carries them. A member that is not defined, or is of another type, does not come back from them.
'use strict';

const path = require('path');

const modules = path.join(process.argv[2], 'node_modules');
const definitions = require(path.join(modules, '@opentelemetry/otlp-transformer/build/src/generated/root.js'));
const Request = definitions.opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest;

// Where two values differ: [path, one, other] for each place.
function differences(one, other, at) {
    if (one === null || other === null || typeof one !== 'object' || typeof other !== 'object')
        return one === other ? [] : [[at, one, other]];
    const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...keys].flatMap((key) => differences(one[key], other[key], `${at}.${key}`));
}

const lines = require('fs').readFileSync(0, 'utf8').split('\n').filter((line) => line);
for (const line of lines) {
    const request = JSON.parse(line);
    const message = Request.fromObject(request);
    const invalid = Request.verify(message);
    if (invalid) throw new Error(invalid);
    // The JSON form of protobuf: 64-bit numbers as text. Through the wire format, too.
    const back = Request.toObject(Request.decode(Request.encode(message).finish()), {longs: String});
    const wrong = differences(request, back, 'request');
    if (wrong.length) throw new Error(`not as OTLP defines it: ${JSON.stringify(wrong.slice(0, 5))}`);
}
console.log(lines.length);

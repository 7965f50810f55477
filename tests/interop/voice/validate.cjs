// Twilio's own validator for Node: a JSON list of [url, parameters or body, signature] on stdin, true or false for each on stdout.
"use strict";

const { readFileSync } = require("node:fs");
const { validateRequest, validateRequestWithBody } = require("twilio");

const token = process.env.TOKEN;
const valid = ([url, sent, signature]) =>
  typeof sent === "string" ? validateRequestWithBody(token, signature, url, sent) : validateRequest(token, signature, url, sent);

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(valid)));

// Every voice resource of the core API, driven by Twilio's Node library: the steps of walk.py, in the same order.
//
// Asks the gateway at GATEWAY as ACCOUNT with TOKEN; APP is the customer's app, DESK a number that is not the customer's.
// Each answer is a line of JSON on stdout: {method, path, status, body}.
"use strict";

const assert = require("node:assert");
const twilio = require("twilio");

const { GATEWAY, ACCOUNT, TOKEN, APP, DESK } = process.env;
const PAUSE = "<Response><Pause length='60'/></Response>";
const NONE = "1".repeat(32);
const ENQUEUE = "<Response><Enqueue>support</Enqueue></Response>";

class Listening extends twilio.RequestClient {
  async request(options) {
    const answer = await super.request(options);
    const body = typeof answer.body === "string" ? answer.body : answer.body ? JSON.stringify(answer.body) : "";
    const path = new URL(options.uri).pathname;
    console.log(JSON.stringify({ method: options.method, path, status: answer.statusCode, body }));
    return answer;
  }
}

const client = twilio(ACCOUNT, TOKEN, { httpClient: new Listening() });
client.api.baseUrl = GATEWAY;

const sids = (found) => found.map((one) => one.sid);
const sorted = (found) => [...found].sort();
const hourAgo = () => new Date(Date.now() - 3600_000);

const passes = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

async function until(done, what, seconds = 30) {
  for (const end = Date.now() + 1000 * seconds; !(await done()); ) {
    assert(Date.now() < end, `${what} did not come`);
    await passes(0.1);
  }
}

async function refused(work, code) {
  await assert.rejects(work, (error) => error.code === code);
}

async function deleted(...all) {
  for (const one of all) assert(await one.remove());
}

async function applications() {
  const listed = client.applications;
  const made = [];
  for (const number of [0, 1, 2]) {
    made.push(await listed.create({ friendlyName: `IVR ${number}`, voiceUrl: `${APP}/agent` }));
  }
  const one = await (await made[0].update({ friendlyName: "Desk", voiceMethod: null })).fetch();
  assert.deepEqual(sids(await listed.list({ friendlyName: "Desk" })), [one.sid]);
  assert.deepEqual(sorted(sids(await listed.list({ pageSize: 1 }))), sorted(sids(made)));
  await deleted(made[1], made[2]);
  await refused(() => made[1].fetch(), 20404);
  return one;
}

let caller;
let agent;

async function place(how) {
  const made = await client.calls.create({ to: agent, from: caller, ...how });
  await until(async () => (await made.fetch()).status === "in-progress", "the answer");
  return made;
}

async function end(...calls) {
  for (const call of calls) {
    await until(async () => (await call.fetch()).status === "completed", "the end");
    await deleted(call);
    await refused(() => call.fetch(), 20404);
  }
}

async function calls() {
  const since = hourAgo();
  const one = await place({ url: `${APP}/odd` });
  const other = await place({ twiml: PAUSE, timeout: null, record: null, statusCallback: null, trim: null });
  const found = sids(await client.calls.list({ to: agent, from: caller, limit: 5000 }));
  assert(found.includes(one.sid) && found.includes(other.sid));
  const up = sids(await client.calls.list({ status: "in-progress", startTimeAfter: since }));
  assert.deepEqual(sorted(sids(await client.calls.list({ status: "in-progress", pageSize: 1 }))), sorted(up));
  assert.equal(up.length, 4); // each is one for the caller and one for the agent
  assert.deepEqual(await client.calls.list({ startTimeBefore: since }), []);
  assert.deepEqual(await client.calls.list({ parentCallSid: one.sid }), []);
  const changed = await one.update({ timeLimit: 300, statusCallback: `${APP}/told` });
  assert.equal(changed.sid, one.sid);
  const paths = client.calls(one.sid);
  await log(one, paths);
  await messages(paths);
  await payments(one, paths);
  await siprec(paths);
  await later(paths);
  await one.update({ twiml: "<Response><Hangup/></Response>" });
  await other.update({ status: "completed" });
  await end(one, other);
}

async function log(call, paths) {
  await until(async () => (await paths.events.list()).length, "an event");
  const [event] = await paths.events.list({ pageSize: 1 });
  assert.deepEqual([event.request.url, event.response.response_code], [`${APP}/odd`, 200]);
  await until(async () => (await paths.notifications.list()).length, "a notification");
  const [note] = await paths.notifications.list({ log: 1 });
  assert.equal((await paths.notifications(note.sid).fetch()).errorCode, "12200");
  assert(sids(await client.notifications.list({ log: 1 })).includes(note.sid));
  assert.equal((await client.notifications(note.sid).fetch()).callSid, call.sid);
}

async function messages(paths) {
  assert((await paths.userDefinedMessages.create({ content: '{"a": 1}' })).sid.startsWith("KX"));
  const wanted = { callback: `${APP}/told`, method: "POST" };
  const subscription = await paths.userDefinedMessageSubscriptions.create(wanted);
  await deleted(paths.userDefinedMessageSubscriptions(subscription.sid));
}

async function payments(call, paths) {
  let keys = 0;
  const given = (more) => ({ idempotencyKey: `${keys++}`, statusCallback: `${APP}/told`, ...more });
  const wanted = { chargeAmount: 9.9, currency: "eur", validCardTypes: "visa" };
  const made = await paths.payments.create(given(wanted));
  const payment = paths.payments(made.sid);
  await refused(() => paths.payments.create(given()), 64021); // there is one already
  assert.equal((await payment.update(given({ capture: "payment-card-number" }))).sid, made.sid);
  await refused(() => payment.update(given({ status: "complete" })), 64021);
  assert.equal((await payment.update(given({ status: "cancel" }))).callSid, call.sid);
  await refused(() => paths.payments.create(given({ paymentConnector: "None" })), 64004);
  await refused(() => paths.payments(`PK${NONE}`).update(given({ status: "cancel" })), 20404);
}

async function siprec(paths) {
  const made = await paths.siprec.create({
    connectorName: "srs", name: "mine", track: "both_tracks",
    "parameter1.name": "Agent", "parameter1.value": "Bob",
  });
  assert.deepEqual([made.name, made.status], ["mine", "in-progress"]);
  assert.equal((await paths.siprec("mine").update({ status: "stopped" })).status, "stopped");
  await refused(() => paths.siprec.create({ connectorName: "c" }), 31940);
  await refused(() => paths.siprec(`SR${NONE}`).update({ status: "stopped" }), 20404);
}

async function later(paths) {
  await refused(() => paths.streams.create({ url: "wss://app.example.com/" }), 20001);
  await refused(() => paths.streams(`MZ${NONE}`).update({ status: "stopped" }), 20404);
  await refused(() => paths.transcriptions.create(), 20001);
  await refused(() => paths.transcriptions(`GT${NONE}`).update({ status: "stopped" }), 20404);
}

async function recordings() {
  const call = await place({ twiml: PAUSE });
  const own = client.calls(call.sid).recordings;
  const first = await own.create({ recordingChannels: "dual" });
  await passes(1); // of sound
  for (const status of ["paused", "in-progress", "stopped"]) {
    assert.equal((await own("Twilio.CURRENT").update({ status })).status, status);
  }
  const second = await own.create();
  await passes(1);
  assert.equal((await own(second.sid).update({ status: "stopped" })).sid, second.sid);
  assert.deepEqual(sorted(sids(await own.list({ pageSize: 1 }))), sorted([first.sid, second.sid]));
  assert.equal((await own(first.sid).fetch()).channels, 2);
  const complete = async (sid) => (await client.recordings(sid).fetch()).status === "completed";
  await until(() => complete(first.sid), "the recording");
  await until(() => complete(second.sid), "the recording");
  assert.equal((await client.recordings.list({ callSid: call.sid, dateCreatedAfter: hourAgo() })).length, 2);
  const media = (await client.recordings(first.sid).fetch()).mediaUrl;
  const headers = { Authorization: `Basic ${btoa(`${ACCOUNT}:${TOKEN}`)}` };
  for (const [ending, kind] of [[".wav", "audio/x-wav"], [".mp3?RequestedChannels=1", "audio/mpeg"]]) {
    const answer = await fetch(media + ending, { headers });
    assert.deepEqual([answer.status, answer.headers.get("Content-Type")], [200, kind]);
  }
  await deleted(own(first.sid));
  await nothingMade(second.sid);
  await deleted(client.recordings(second.sid));
  assert.deepEqual(await client.recordings.list({ callSid: call.sid }), []);
  assert.equal((await client.recordings.list({ callSid: call.sid, includeSoftDeleted: true })).length, 2);
  await call.update({ status: "completed" });
  await end(call);
}

async function nothingMade(sid) {
  const recording = client.recordings(sid);
  for (const listed of [recording.transcriptions, recording.addOnResults, client.transcriptions]) {
    assert.deepEqual(await listed.list(), []);
  }
  const result = recording.addOnResults(`XR${NONE}`);
  const payload = result.payloads(`XH${NONE}`);
  for (const one of [recording.transcriptions(`TR${NONE}`), client.transcriptions(`TR${NONE}`), result, payload]) {
    await refused(() => one.fetch(), 20404);
    await refused(() => one.remove(), 20404);
  }
  await refused(() => result.payloads.list(), 20404);
  await refused(() => payload.data().fetch(), 20404);
}

async function conferences() {
  for (const label of ["first", "second"]) {
    const record = label === "first" ? { conferenceRecord: "true", conferenceTrim: "do-not-trim" } : {};
    await client.conferences("room").participants.create({ from: caller, to: agent, label, ...record });
  }
  const [room] = await client.conferences.list({ friendlyName: "room" });
  const { participants: people, recordings: recorded } = client.conferences(room.sid);
  const connected = async () => (await people.list({ pageSize: 1 })).filter((one) => one.status === "connected");
  await until(async () => (await connected()).length === 2, "both");
  assert.equal((await room.fetch()).status, "in-progress");
  assert.deepEqual(await people.list({ muted: true }), []);
  assert((await people("first").update({ muted: true })).muted);
  assert.deepEqual((await people.list({ muted: true })).map((one) => one.label), ["first"]);
  assert.equal((await people("second").fetch()).label, "second");
  await until(async () => (await recorded.list()).length, "the recording");
  const [recording] = await recorded.list();
  await passes(1); // of sound
  for (const status of ["paused", "in-progress"]) {
    assert.equal((await recorded(recording.sid).update({ status })).status, status);
  }
  await deleted(people("second"));
  assert.equal((await room.update({ announceUrl: `${APP}/agent` })).sid, room.sid);
  assert.equal((await (await room.update({ status: "completed" })).fetch()).status, "completed");
  const complete = async () => (await recorded(recording.sid).fetch()).status === "completed";
  await until(complete, "the conference's recording");
  await deleted(recorded(recording.sid));
}

async function queues() {
  const made = await client.queues.create({ friendlyName: "support", maxSize: 10 });
  const queue = await (await made.update({ maxSize: 20 })).fetch();
  assert.deepEqual((await client.queues.list()).map((one) => one.maxSize), [20]);
  const waiting = [await place({ twiml: ENQUEUE }), await place({ twiml: ENQUEUE })];
  const members = client.queues(queue.sid).members;
  await until(async () => (await members.list({ pageSize: 1 })).length === 2, "two who wait");
  assert.equal((await members("Front").fetch()).callSid, waiting[0].sid);
  for (const who of ["Front", waiting[1].sid]) await members(who).update({ url: `${APP}/bye`, method: "POST" });
  await until(async () => (await queue.fetch()).currentSize === 0, "an empty queue");
  await deleted(queue);
  await end(...waiting);
}

async function callerIds() {
  const asked = await client.validationRequests.create({
    phoneNumber: DESK, friendlyName: "Desk", callDelay: 1, statusCallback: `${APP}/told`,
  });
  await fetch(`${APP}/code`, { method: "POST", body: new URLSearchParams({ Code: asked.validationCode }) });
  const verified = client.outgoingCallerIds;
  await until(async () => (await verified.list({ phoneNumber: DESK })).length, "the caller ID", 60);
  const [found] = await verified.list({ friendlyName: "Desk" });
  const one = await (await found.update({ friendlyName: "House" })).fetch();
  assert.deepEqual([one.friendlyName, one.phoneNumber], ["House", DESK]);
  const call = await place({ from: DESK, twiml: PAUSE });
  await call.update({ status: "completed" });
  await end(await client.calls(asked.callSid).fetch(), call);
  await deleted(one);
  await refused(() => client.calls.create({ to: agent, from: DESK, twiml: PAUSE }), 21210);
}

async function leftovers() {
  assert.deepEqual(await client.calls.list({ status: "in-progress" }), []);
  assert.deepEqual(await client.queues.list(), []);
  const over = await client.conferences.list();
  assert(over.length > 0 && over.every((one) => one.status === "completed"));
}

async function run() {
  const application = await applications();
  const offered = await client.availablePhoneNumbers("US").local.list({ limit: 2 });
  const numbers = [];
  for (const { phoneNumber } of offered) {
    numbers.push(await client.incomingPhoneNumbers.create({ phoneNumber, voiceApplicationSid: application.sid }));
  }
  [caller, agent] = numbers.map((one) => one.phoneNumber);
  for (const step of [calls, recordings, conferences, queues, callerIds, leftovers]) await step();
  await deleted(...numbers, application);
}

run().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

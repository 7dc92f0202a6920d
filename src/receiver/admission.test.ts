import { expect, test } from 'vitest';
import { createAdmission, createReservation, type Admission } from './admission.ts';

/** 16 requests of 4,096 bytes beside their own, whatever the pace. */
const ALWAYS = 16 * 4_096;

function admissionAt(clock: { now: number }, inFlightBytesMax = 1_000_000): Admission {
  return createAdmission({
    inFlightBytesMax,
    expectedWaitMsMax: 5_000,
    workBytesAlways: ALWAYS,
    clock: () => clock.now,
    random: () => 0,
  });
}

/** Enters requests of one byte until one is refused; how many entered. */
function fill(admission: Admission): number {
  for (let entered = 0; ; entered += 1) if (!createReservation(admission).tryEnter()) return entered;
}

test('bytes beyond the budget are refused until others are given back', () => {
  const admission = admissionAt({ now: 0 }, 1_000);
  const [first, second] = [createReservation(admission), createReservation(admission)];
  expect(first.tryGrow(900)).toBe(true);
  expect(second.tryGrow(200)).toBe(false);
  expect(first.wouldEnter(100)).toBe(true);
  expect(first.wouldEnter(101)).toBe(false);
  first.release();
  expect(second.tryGrow(200)).toBe(true);
  second.release();
  expect(admission.inFlightBytes).toBe(0);
});

test('without a pace a bounded amount of work is let in', () => {
  const admission = admissionAt({ now: 0 });
  const reservations = Array.from({ length: 16 }, () => createReservation(admission));
  expect(reservations.every((each) => each.wouldEnter(0) && each.tryEnter())).toBe(true);
  expect(createReservation(admission).wouldEnter(0)).toBe(false);
  for (const each of reservations) each.release();
  expect(createReservation(admission).wouldEnter(0)).toBe(true);
});

test('what was read before the bound was reached is let in up to twice the bound', () => {
  expect(fill(admissionAt({ now: 0 }))).toBe(32);
});

test('one request is let in however large it is, and others wait for it', () => {
  const admission = admissionAt({ now: 0 });
  const large = createReservation(admission);
  expect(large.tryGrow(900_000)).toBe(true);
  expect(large.wouldEnter(0)).toBe(true);
  expect(large.tryEnter()).toBe(true);
  expect(createReservation(admission).wouldEnter(0)).toBe(false);
  expect(createReservation(admission).tryEnter()).toBe(false);
  large.release();
  expect(createReservation(admission).wouldEnter(0)).toBe(true);
});

test('as much waits as is worked off within the longest wait, and less when the pace falls', () => {
  const clock = { now: 0 };
  const admission = admissionAt(clock);
  // Ten requests in each of many seconds, with silences between them that say nothing about the pace.
  for (let each = 0; each < 200; each += 1) {
    const reservation = createReservation(admission);
    expect(reservation.tryEnter()).toBe(true);
    clock.now += 100;
    reservation.release();
    clock.now += 10_000;
  }
  expect(fill(admission)).toBe(2 * 50);
  // Now nothing ends for minutes.
  for (let second = 0; second < 60; second += 1) {
    clock.now += 1_000;
    expect(createReservation(admission).tryEnter()).toBe(false);
  }
  const later = admissionAt(clock);
  expect(fill(later)).toBe(32);
});

test('a pace that falls lowers the bound, down to what is always let in', () => {
  const clock = { now: 0 };
  const admission = admissionAt(clock);
  const work = (milliseconds: number): void => {
    const reservation = createReservation(admission);
    reservation.tryEnter();
    clock.now += milliseconds;
    reservation.release();
  };
  for (let each = 0; each < 200; each += 1) work(100);
  for (let each = 0; each < 20; each += 1) work(5_000);
  expect(fill(admission)).toBe(32);
});

test('a request that is over takes nothing any more', () => {
  const admission = admissionAt({ now: 0 });
  const reservation = createReservation(admission);
  reservation.release();
  expect(reservation.tryGrow(10)).toBe(false);
  expect(reservation.tryEnter()).toBe(false);
  expect(admission.inFlightBytes).toBe(0);
});

test('giving back twice gives back once', () => {
  const admission = admissionAt({ now: 0 });
  const reservation = createReservation(admission);
  reservation.tryGrow(10);
  reservation.tryEnter();
  reservation.release();
  reservation.release();
  expect(admission.inFlightBytes).toBe(0);
  expect(fill(admission)).toBe(32);
});

test('what is refused is asked to come back when the work before it is done, one request after another', () => {
  const clock = { now: 0 };
  const admission = admissionAt(clock);
  // Ten requests a second, for long enough.
  for (let each = 0; each < 200; each += 1) {
    const reservation = createReservation(admission);
    reservation.tryEnter();
    clock.now += 100;
    reservation.release();
  }
  expect(admission.returnMs()).toBe(1_000);
  clock.now += 60_000;
  for (let each = 0; each < 50; each += 1) createReservation(admission).tryEnter();
  // Fifty are before it, which take five seconds.
  const asked = Array.from({ length: 4 }, () => createReservation(admission).returnMs());
  for (const [at, milliseconds] of asked.entries()) expect(milliseconds / 1_000).toBeCloseTo(5 + at * 0.1, 1);
  // Many more, of whom none is asked to wait for longer than half a minute.
  for (let each = 0; each < 1_000; each += 1) expect(admission.returnMs()).toBeLessThanOrEqual(30_000);
});

test('when nothing is done any more, what is refused is asked to stay away ever longer', () => {
  const clock = { now: 0 };
  const admission = admissionAt(clock);
  for (let each = 0; each < 5; each += 1) createReservation(admission).tryEnter();
  const asked: number[] = [];
  for (let second = 0; second < 40; second += 1) {
    clock.now += 1_000;
    if (second % 10 === 0) asked.push(admission.returnMs());
  }
  expect(asked).toEqual([1_000, 11_000, 21_000, 24_000]);
});

/**
 * Senders who all come at once with more than is let in, come back when they are told to, and leave when they are served; the work is done
 * one request after another. How long until all are served, in milliseconds, and how often one was refused at most.
 */
function serveAll(senders: number, workMs: number, returnMs: (admission: Admission) => number): [number, number] {
  const clock = { now: 0 };
  const admission = createAdmission({
    inFlightBytesMax: 1e9,
    expectedWaitMsMax: 500,
    workBytesAlways: 1,
    clock: () => clock.now,
  });
  // A pace is known: requests of 100,000 bytes come one by one for a while.
  const request = (): ReturnType<typeof createReservation> => {
    const reservation = createReservation(admission);
    reservation.tryGrow(100_000);
    return reservation;
  };
  for (let each = 0; each < 200; each += 1) {
    const reservation = request();
    reservation.tryEnter();
    clock.now += workMs;
    reservation.release();
  }
  const begun = clock.now;
  const arrivals = Array.from({ length: senders }, () => ({ at: clock.now, refused: 0 }));
  const queue: { readonly done: () => void }[] = [];
  let workUntil = Number.POSITIVE_INFINITY;
  let mostRefused = 0;
  while (arrivals.length > 0 || queue.length > 0) {
    arrivals.sort((left, right) => left.at - right.at);
    const next = arrivals[0];
    if (next === undefined || workUntil <= next.at) {
      clock.now = workUntil;
      queue.shift()?.done();
      workUntil = queue.length > 0 ? clock.now + workMs : Number.POSITIVE_INFINITY;
      continue;
    }
    clock.now = next.at;
    const reservation = request();
    if (reservation.wouldEnter(0) && reservation.tryEnter()) {
      arrivals.shift();
      queue.push({ done: () => reservation.release() });
      if (queue.length === 1) workUntil = clock.now + workMs;
    } else {
      reservation.release();
      next.refused += 1;
      mostRefused = Math.max(mostRefused, next.refused);
      // Over HTTP a time to come back is in whole seconds.
      next.at += Math.ceil(returnMs(admission) / 1_000) * 1_000;
    }
  }
  return [clock.now - begun, mostRefused];
}

test('senders who come back when they are told are served while most of the time is worked in', () => {
  const [milliseconds, refused] = serveAll(300, 50, (admission) => admission.returnMs());
  // 300 requests of 50 ms are 15 s.
  expect(milliseconds).toBeLessThan(15_000 * 2.5);
  expect(refused).toBeLessThanOrEqual(9);
  // All asked for the same time come back together, and all but a few are refused again: for a long time, or very often.
  const [rarely, rarelyRefused] = serveAll(300, 50, () => 5_000);
  expect(rarely).toBeGreaterThan(milliseconds * 3);
  expect(rarelyRefused).toBeGreaterThan(refused * 2);
  expect(serveAll(300, 50, () => 1_000)[1]).toBeGreaterThan(refused * 2);
});

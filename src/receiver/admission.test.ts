import { expect, test } from 'vitest';
import { createAdmission, createReservation } from './admission.ts';

function admissionAt(clock: { now: number }) {
  return createAdmission({
    inFlightBytesMax: 1_000,
    expectedWaitMsMax: 5_000,
    requestsAlways: 4,
    clock: () => clock.now,
  });
}

test('bytes beyond the budget are refused until others are given back', () => {
  const admission = admissionAt({ now: 0 });
  const [first, second] = [createReservation(admission), createReservation(admission)];
  expect(first.tryGrow(900)).toBe(true);
  expect(second.tryGrow(200)).toBe(false);
  expect(first.wouldFit(100)).toBe(true);
  first.release();
  expect(second.tryGrow(200)).toBe(true);
  second.release();
  expect(admission.inFlightBytes).toBe(0);
});

test('without a pace a few requests are let in, and no more', () => {
  const admission = admissionAt({ now: 0 });
  const reservations = Array.from({ length: 6 }, () => createReservation(admission));
  expect(reservations.map((each) => each.tryGrow(1))).toEqual([true, true, true, true, false, false]);
  for (const each of reservations) each.release();
  expect(createReservation(admission).tryGrow(1)).toBe(true);
});

test('as many wait as are answered within the longest wait, and fewer when the pace falls', () => {
  const clock = { now: 0 };
  const admission = admissionAt(clock);
  // Ten answers in each of many seconds.
  for (let second = 0; second < 20; second += 1) {
    for (let each = 0; each < 10; each += 1) {
      clock.now += 100;
      const reservation = createReservation(admission);
      expect(reservation.tryGrow(1)).toBe(true);
      reservation.release();
    }
  }
  const waiting = Array.from({ length: 60 }, () => createReservation(admission));
  const letIn = waiting.filter((each) => each.tryGrow(1)).length;
  expect(letIn).toBeGreaterThanOrEqual(48);
  expect(letIn).toBeLessThanOrEqual(52);
  for (let second = 0; second < 10; second += 1) {
    clock.now += 1_000;
    createReservation(admission).tryGrow(1);
  }
  for (const each of waiting) each.release();
  clock.now += 60_000;
  const later = Array.from({ length: 60 }, () => createReservation(admission));
  expect(later.filter((each) => each.tryGrow(1)).length).toBeLessThan(20);
});

test('a request that is over takes nothing any more', () => {
  const admission = admissionAt({ now: 0 });
  const reservation = createReservation(admission);
  reservation.release();
  expect(reservation.tryGrow(10)).toBe(false);
  expect(admission.inFlightBytes).toBe(0);
});

test('giving back twice gives back once', () => {
  const admission = admissionAt({ now: 0 });
  const reservation = createReservation(admission);
  reservation.tryGrow(10);
  reservation.release();
  reservation.release();
  expect(admission.inFlightBytes).toBe(0);
  const again = Array.from({ length: 5 }, () => createReservation(admission));
  expect(again.filter((each) => each.tryGrow(1))).toHaveLength(4);
});

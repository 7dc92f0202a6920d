import { millis } from './body-field.ts';

/** True when `due` has passed at `now`. */
export function isPast(due: string | null, now: Date): boolean {
  return due !== null && millis(due) < now.getTime();
}

/** `42 s`, `7 min`, `3 h 5 min`, `2 d 4 h`: how long ago, or how long until; never negative. */
export function spell(from: Date, to: Date): string {
  const seconds = Math.max(0, Math.floor((to.getTime() - from.getTime()) / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (seconds < 60) return `${seconds} s`;
  if (minutes < 60) return `${minutes} min`;
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}

/** `14:05Z`, with the date when it is another day than `now`. */
export function clockTime(at: string, now: Date): string {
  const iso = new Date(at).toISOString();
  const time = `${iso.slice(11, 16)}Z`;
  return iso.slice(0, 10) === now.toISOString().slice(0, 10) ? time : `${iso.slice(0, 10)} ${time}`;
}

import type { EvidencePage, EvidencePageRequest } from '../record/evidence-log.ts';
import { ApiProblem } from './problem.ts';

/** Reads a page of evidence; a cursor the log did not give out is the caller's mistake. */
export async function readEvidencePage(
  request: EvidencePageRequest,
  read: (request: EvidencePageRequest) => Promise<EvidencePage>,
): Promise<EvidencePage> {
  try {
    return await read(request);
  } catch (error) {
    if (request.cursor === undefined || !(error instanceof RangeError)) throw error;
    throw new ApiProblem(400, 'request.invalid', 'The request is not valid: one field is wrong.', {
      errors: [{ path: 'query.cursor', message: 'is not one this API gave out' }],
    });
  }
}

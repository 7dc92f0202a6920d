import type { Actor } from '../record/actor.ts';
import type { CatalogueSource, CatalogueStore, ServiceEntry } from '../record/service-catalogue.ts';
import type { Database } from './database.ts';

/** Sources of all tenants that are read; each tenant may have 1,000. */
const SOURCES_MAX = 100_000;

interface StoredSource {
  readonly tenant: string;
  readonly source: string;
  readonly version: string;
  readonly file_name: string;
  readonly entries: string;
  readonly put_by: string;
}

/** What the service catalogue was given by API, in `catalogue_sources`. A row's version is its time in microseconds. */
export function createCatalogueStore(database: Database): CatalogueStore {
  async function write(of: {
    readonly tenant: string;
    readonly source: string;
    readonly at: Date;
    readonly isDeleted: boolean;
    readonly fileName: string;
    readonly entries: readonly ServiceEntry[];
    readonly putBy: Actor | null;
  }): Promise<void> {
    await database.command(
      'record',
      `INSERT INTO catalogue_sources (tenant, source, version, is_deleted, file_name, entries, put_by)
SELECT {tenant:String}, {source:String}, {version:UInt64}, {deleted:UInt8}, {fileName:String}, {entries:String}, {putBy:String}`,
      {
        tenant: of.tenant,
        source: of.source,
        version: BigInt(of.at.getTime()) * 1_000n,
        deleted: of.isDeleted ? 1 : 0,
        fileName: of.fileName,
        entries: JSON.stringify(of.entries),
        putBy: JSON.stringify(of.putBy),
      },
    );
  }

  return {
    put({ tenant, source, fileName, entries, putAt, putBy }) {
      return write({ tenant, source, at: putAt, isDeleted: false, fileName, entries, putBy });
    },
    remove(tenant, source, at) {
      return write({ tenant, source, at, isDeleted: true, fileName: '', entries: [], putBy: null });
    },
    async all() {
      const rows = await database.select<StoredSource>(
        `SELECT tenant, source, toString(version) AS version, file_name, entries, put_by FROM catalogue_sources FINAL
ORDER BY tenant, source LIMIT ${SOURCES_MAX}`,
      );
      return rows.map((row): CatalogueSource => ({
        tenant: row.tenant,
        source: row.source,
        fileName: row.file_name,
        entries: JSON.parse(row.entries) as readonly ServiceEntry[],
        putAt: new Date(Number(BigInt(row.version) / 1_000n)),
        putBy: JSON.parse(row.put_by) as Actor,
      }));
    },
  };
}

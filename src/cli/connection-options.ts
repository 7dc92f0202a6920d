/** What every command takes that talks to a running service. */
export interface ConnectionOptions {
  /** The API of the service. */
  readonly url?: string;
  /** The configuration file that says where it is, when no address is given. */
  readonly config?: string;
}

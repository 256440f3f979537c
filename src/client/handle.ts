/** What every part of a collection's API holds: the connection, and which collection is meant. */
import { HeddleError } from '../core/errors.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import type { Connection } from './connection.ts';

export class Handle {
  readonly connection: Connection;
  readonly name: string;
  private id: number | null;

  constructor(connection: Connection, name: string) {
    this.connection = connection;
    this.name = name;
    this.id = connection.find(name)?.id ?? null;
  }

  /** The schema as last heard. `NotFound` when the collection is not, or no longer, there. */
  get schema(): CollectionSchema {
    const { connection, name } = this;
    const schema = this.id === null ? connection.find(name) : connection.schema(this.id);
    if (schema === undefined)
      throw new HeddleError('NotFound', `collection "${name}" does not exist`, {
        hint: 'Create it with collections.ensure.',
        details: { collection: name },
      });
    this.id = schema.id;
    return schema;
  }

  /** Asks the owner for the schema as it is now. */
  async refresh(): Promise<CollectionSchema> {
    const { connection } = this;
    return connection.learn(await connection.call('describeCollection', [this.schema.id]));
  }
}

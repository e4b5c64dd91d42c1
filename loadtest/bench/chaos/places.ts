/** How many members an edge has of each kind. */
export interface PlacesOfEdge {
  readonly bySocket: number;
  readonly seated: number;
}

/**
 * Where members are: dealt out evenly over edges, number n to edge n mod edges. The first ones come by WebSockets, as many as edges
 * have descriptors for; the rest is seated in the edges' own processes.
 */
export class Places {
  readonly edges: number;
  readonly bySocket: number;
  readonly seated: number;

  /** @param socketsPerEdge WebSockets that an edge has room for */
  constructor(members: number, edges: number, socketsPerEdge: number) {
    this.edges = edges;
    this.bySocket = Math.min(members, edges * socketsPerEdge);
    this.seated = members - this.bySocket;
  }

  /** What each edge has. */
  perEdge(): PlacesOfEdge[] {
    return Array.from({ length: this.edges }, (_, edge) => ({
      bySocket: sharesOf(this.bySocket, this.edges, edge),
      // Where somebody is seated, those by WebSockets are as many on each edge.
      seated: sharesOf(this.seated, this.edges, edge),
    }));
  }
}

/** How many of the numbers below `count` are an edge's. */
export function sharesOf(count: number, edges: number, edge: number): number {
  return Math.max(0, Math.ceil((count - edge) / edges));
}

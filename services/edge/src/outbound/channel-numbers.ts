/** Numbers that stand for channels on the wire: each of an edge's channels has one while it is live, and none is given twice. */
export class ChannelNumbers {
  #last = 0;

  next(): number {
    return ++this.#last;
  }
}

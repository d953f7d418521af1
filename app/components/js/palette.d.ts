/** What `javascript()` in app/core/colours.py writes: Python hands this module to the browser, and no file of that name is on disk. */
export const PALETTE: {
  /** Hues on a photograph, the same in both themes. */
  local: string;
  global: string;
  /** The query's ring on a map. */
  query: string;
  /** Numbers on pale cells. */
  ink: string;
  arc: string;
  /** Red, green and blue, and the opacity where nothing of the photograph is left. */
  veil: [[number, number, number], number];
  /** Colours of weights from 0 to the largest. */
  ramps: { local: string[]; global: string[] };
};

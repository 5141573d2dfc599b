/** An entrance, with the colour that it has in every chart. */
export interface Place {
  readonly id: string;
  readonly name: string;
  readonly color: string;
}

// Paul Tol's bright scheme: people who see colours differently tell them apart, and they are not the
// categories' colours.
const COLORS = ['#4477aa', '#ee6677', '#228833', '#aa3377', '#66ccee', '#ccbb44'];

export function colorOf(place: number): string {
  return COLORS[place % COLORS.length] ?? 'gray';
}

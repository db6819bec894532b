"use strict";
/** How numbers are written. */
hierseg.numbers = {
  /** A share such as an IoU, or a dash if there is none. */
  share: (value) => (value === null || value === undefined ? "–" : value.toFixed(3)),

  /** A difference of shares with its sign. */
  difference: (value) => {
    if (value === null || value === undefined) return "–";
    const text = Math.abs(value).toFixed(3);
    return text === "0.000" ? text : `${value > 0 ? "+" : "−"}${text}`;
  },

  /** A share in percent, with a decimal where it is small. */
  percent: (value) => {
    if (value === null || value === undefined) return "–";
    const percent = 100 * value;
    if (percent > 0 && percent < 0.05) return "<0.1 %";
    if (percent >= 99.5 && percent < 100) return percent < 99.95 ? `${percent.toFixed(1)} %` : ">99.9 %";
    return `${percent > 0 && percent < 9.95 ? percent.toFixed(1) : percent.toFixed(0)} %`;
  },

  /** A number of pixels. */
  count: (value) => value.toLocaleString("en-US"),

  /** A number of pixels in few letters, such as 12k. */
  short: (value) => Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 }).format(value),

  /** A number with the plural of what it counts. */
  plural: (count, what) => `${hierseg.numbers.count(count)} ${what}${count === 1 ? "" : "s"}`,
};

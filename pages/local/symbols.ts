/**
 * `using` for browsers without it (Safari): the symbols that methods of disposable classes are named by. Import it
 * before all else.
 */
const symbols = Symbol as { dispose?: symbol; asyncDispose?: symbol };
symbols.dispose ??= Symbol.for("Symbol.dispose");
symbols.asyncDispose ??= Symbol.for("Symbol.asyncDispose");

export {};

//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Numbers as JSON writes them (RFC 8259, section 6), both ways and the same in every locale: integers exactly, floats as
// the shortest text that reads back as the same float.

#include "runtime.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Those powers of ten that a float holds exactly: a product or quotient with one is rounded once, and so correctly.
static const double powers[] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};
#define LARGEST_POWER 22

#define TWO_TO_53 9007199254740992.0
#define TWO_TO_51 2251799813685248.0

// MARK: Writing

size_t nj_number_write_integer(lua_Integer value, char *text) {
    char digits[20];
    size_t count = 0, length = 0;
    lua_Unsigned rest = value < 0 ? 0 - (lua_Unsigned)value : (lua_Unsigned)value;
    do {
        digits[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) text[length++] = '-';
    while (count > 0) text[length++] = digits[--count];
    return length;
}

// A float as 0.DIGITS times ten to the `point`; the last digit is not 0.
typedef struct decimal {
    char digits[20];
    int count, point;
} decimal;

// The digits of an integer times ten to the -`places`.
static void set_decimal(decimal *decimal, lua_Integer integer, int places) {
    decimal->count = (int)nj_number_write_integer(integer, decimal->digits);
    decimal->point = decimal->count - places;
    while (decimal->count > 1 && decimal->digits[decimal->count - 1] == '0') decimal->count -= 1;
}

// Most floats that people write have few decimal places: with the fewest that give the float back, the digits are
// the shortest. Below 2^51 neither the product nor the quotient can miss it.
static bool find_places(double value, decimal *decimal) {
    for (int places = 1; places <= LARGEST_POWER; places++) {
        double scaled = value * powers[places];
        if (scaled >= TWO_TO_51) return false;
        lua_Integer integer = (lua_Integer)(scaled + 0.5);
        if ((double)integer / powers[places] == value) {
            set_decimal(decimal, integer, places);
            return true;
        }
    }
    return false;
}

// strtod is handed an integer and an exponent, for the decimal point is the locale's.
static bool reads_back(const decimal *decimal, double value) {
    char text[48];
    snprintf(text, sizeof text, "%.*se%d", decimal->count, decimal->digits, decimal->point - decimal->count);
    return strtod(text, NULL) == value;
}

// The nearest decimal with `precision` digits. Trailing zeros stay.
static void round_to(double value, int precision, decimal *decimal) {
    char text[48];
    snprintf(text, sizeof text, "%.*e", precision - 1, value);
    const char *exponent = strchr(text, 'e');
    decimal->count = 0;
    for (const char *next = text; next < exponent; next++) {
        if (*next >= '0' && *next <= '9') decimal->digits[decimal->count++] = *next;
    }
    decimal->point = (int)strtol(exponent + 1, NULL, 10) + 1;
}

// Above a power of two the floats lie twice as far apart as below: the decimal beyond the nearest may be the one.
static bool is_power_of_two(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & ((UINT64_C(1) << (DBL_MANT_DIG - 1)) - 1)) == 0;
}

static bool step_up(decimal *decimal) {
    for (int i = decimal->count - 1; i >= 0; i--) {
        if (decimal->digits[i] != '9') {
            decimal->digits[i] += 1;
            return true;
        }
        decimal->digits[i] = '0';
    }
    return false;
}

// `value` is finite and greater than 0.
static void shorten(double value, decimal *decimal) {
    if (find_places(value, decimal)) return;
    // Whatever has at most DBL_DIG digits is found with that many, unless it is so small that floats have fewer.
    for (int precision = value < DBL_MIN * 2 ? 1 : DBL_DIG; precision <= 17; precision++) {
        round_to(value, precision, decimal);
        if (reads_back(decimal, value)) break;
        if (is_power_of_two(value) && step_up(decimal) && reads_back(decimal, value)) break;
    }
    while (decimal->count > 1 && decimal->digits[decimal->count - 1] == '0') decimal->count -= 1;
}

static size_t put(char *text, size_t length, char c, int times) {
    for (; times > 0; times--) text[length++] = c;
    return length;
}

// Where the point stands, and from where on there is an exponent, is as in ECMAScript's Number::toString.
static size_t write_decimal(const decimal *decimal, char *text, size_t length) {
    int count = decimal->count, point = decimal->point;
    if (point > 21 || point < -5) {
        text[length++] = decimal->digits[0];
        if (count > 1) text[length++] = '.';
        memcpy(text + length, decimal->digits + 1, (size_t)count - 1);
        length += (size_t)count - 1;
        text[length++] = 'e';
        return length + nj_number_write_integer(point - 1, text + length);
    }
    if (point <= 0) {
        text[length++] = '0';
        text[length++] = '.';
        length = put(text, length, '0', -point);
        memcpy(text + length, decimal->digits, (size_t)count);
        return length + (size_t)count;
    }
    int before = count < point ? count : point;
    memcpy(text + length, decimal->digits, (size_t)before);
    length = put(text, length + (size_t)before, '0', point - before);
    text[length++] = '.';
    // An integral float is beyond 2^53 here, and stays a float for whoever reads it.
    if (count <= point) return put(text, length, '0', 1);
    memcpy(text + length, decimal->digits + point, (size_t)(count - point));
    return length + (size_t)(count - point);
}

size_t nj_number_write_float(double value, char *text) {
    size_t length = 0;
    if (signbit(value)) {
        text[length++] = '-';
        value = -value;
    }
    if (value < TWO_TO_53 && value == (double)(lua_Integer)value) {
        return length + nj_number_write_integer((lua_Integer)value, text + length);
    }
    decimal decimal;
    shorten(value, &decimal);
    return write_decimal(&decimal, text, length);
}

// MARK: Reading

// Of more digits than these it only matters whether one of the rest is not 0.
#define MOST_DIGITS 800
#define FARTHEST_EXPONENT 100000

static bool is_digit(const char *next, const char *end) { return next < end && *next >= '0' && *next <= '9'; }

// A number's text in parts; `exponent` is what was written behind the e, or more than enough.
typedef struct parts {
    const char *integer, *integer_end, *fraction, *fraction_end;
    int64_t exponent;
    bool is_negative;
} parts;

static double read_exactly(const parts *parts) {
    char text[MOST_DIGITS + 32];
    size_t count = 0;
    int64_t exponent = parts->exponent;
    bool is_cut = false;
    for (const char *next = parts->integer; next < parts->fraction_end; next++) {
        if (next == parts->integer_end) next = parts->fraction;
        bool is_behind = next >= parts->fraction;
        if (count < MOST_DIGITS) {
            if (count > 0 || *next != '0') text[count++] = *next;
            if (is_behind) exponent -= 1;
        } else {
            is_cut = is_cut || *next != '0';
            if (!is_behind) exponent += 1;
        }
    }
    if (count == 0) return 0;
    if (is_cut) {
        text[count++] = '1';
        exponent -= 1;
    }
    if (exponent > FARTHEST_EXPONENT) exponent = FARTHEST_EXPONENT;
    if (exponent < -FARTHEST_EXPONENT) exponent = -FARTHEST_EXPONENT;
    snprintf(text + count, sizeof text - count, "e%lld", (long long)exponent);
    return strtod(text, NULL);
}

static double read_float(const parts *parts) {
    uint64_t significand = 0;
    int64_t exponent = parts->exponent - (parts->fraction_end - parts->fraction);
    int count = 0;
    for (const char *next = parts->integer; next < parts->fraction_end && count < 19; next++) {
        if (next == parts->integer_end) next = parts->fraction;
        significand = significand * 10 + (uint64_t)(*next - '0');
        if (significand > 0) count += 1;
    }
    if (count == 19 || significand > (uint64_t)TWO_TO_53 || exponent < -LARGEST_POWER || exponent > LARGEST_POWER) {
        return read_exactly(parts);
    }
    return exponent < 0 ? (double)significand / powers[-exponent] : (double)significand * powers[exponent];
}

// False when it does not fit.
static bool read_integer(const parts *parts, lua_Integer *integer) {
    uint64_t magnitude = 0;
    for (const char *next = parts->integer; next < parts->integer_end; next++) {
        if (__builtin_mul_overflow(magnitude, UINT64_C(10), &magnitude)) return false;
        if (__builtin_add_overflow(magnitude, (uint64_t)(*next - '0'), &magnitude)) return false;
    }
    if (magnitude > (uint64_t)LUA_MAXINTEGER + (parts->is_negative ? 1 : 0)) return false;
    *integer = (lua_Integer)(parts->is_negative ? 0 - magnitude : magnitude);
    // Only a float is a negative zero.
    return magnitude > 0 || !parts->is_negative;
}

static const char *skip_digits(const char *next, const char *end) {
    while (is_digit(next, end)) next += 1;
    return next;
}

// Passes over "e", a sign and digits; NULL when no digit follows, with `stop` where it should be.
static const char *read_exponent(const char *next, const char *end, parts *parts, const char **stop) {
    next += 1;
    bool is_negative = next < end && *next == '-';
    if (next < end && (*next == '-' || *next == '+')) next += 1;
    *stop = next;
    if (!is_digit(next, end)) return NULL;
    int64_t exponent = 0;
    for (; is_digit(next, end); next++) {
        // Far beyond what the digits of any text could make up for.
        if (exponent < INT64_C(1) << 53) exponent = exponent * 10 + (*next - '0');
    }
    parts->exponent = is_negative ? -exponent : exponent;
    return next;
}

const char *nj_number_read(const char *start, const char *end, nj_number *number) {
    parts parts = {.is_negative = *start == '-'};
    const char *next = parts.is_negative ? start + 1 : start, *stop = next;
    number->why = "a digit was expected";
    if (!is_digit(next, end)) return stop;
    parts.integer = next;
    next = *next == '0' ? next + 1 : skip_digits(next, end);
    parts.integer_end = parts.fraction = parts.fraction_end = next;
    bool is_integer = true;
    if (next < end && *next == '.') {
        is_integer = false;
        stop = next + 1;
        if (!is_digit(stop, end)) return stop;
        parts.fraction = stop;
        next = parts.fraction_end = skip_digits(stop, end);
    }
    if (next < end && (*next == 'e' || *next == 'E')) {
        is_integer = false;
        next = read_exponent(next, end, &parts, &stop);
        if (next == NULL) return stop;
    }
    number->why = NULL;
    number->is_integer = is_integer && read_integer(&parts, &number->integer);
    if (number->is_integer) return next;
    double magnitude = read_float(&parts);
    number->real = parts.is_negative ? -magnitude : magnitude;
    if (isinf(magnitude)) {
        number->why = "the number is too large";
        return start;
    }
    return next;
}

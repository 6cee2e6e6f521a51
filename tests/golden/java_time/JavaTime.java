// Makes the test vectors of riacho's formatter for Java time patterns, and its table of zone names:
//
//   java JavaTime.java vectors >vectors.tsv
//   java -Djava.locale.providers=COMPAT JavaTime.java name-vectors >>vectors.tsv
//   java -Djava.locale.providers=COMPAT JavaTime.java names >../../../src/formats/zone_names.inc
//
// Zone names are those of the JRE's own data (COMPAT), which is what Java 8 prints.
import java.text.DateFormatSymbols;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

public class JavaTime {
    static final String[] ZONES = {"UTC", "Asia/Tokyo", "Europe/Berlin", "America/Sao_Paulo", "America/New_York", "Asia/Kolkata",
        "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns", "Africa/Casablanca", "Pacific/Chatham", "Europe/Dublin"};
    static final String[] FEW = {"UTC", "America/Sao_Paulo"};
    static final String[] INSTANTS = {"2018-08-27T10:30:05.123Z", "2019-12-30T00:00:00Z", "2020-02-29T23:59:59.999Z",
        "2021-01-01T12:00:00.001Z", "2024-12-31T23:30:00.010Z", "2026-03-29T00:59:59.999Z", "2026-03-29T01:00:00Z",
        "2026-10-25T00:59:59Z", "2026-10-25T01:00:00.5Z", "2038-07-01T00:00:00Z", "2061-11-06T06:30:00Z", "1970-01-01T00:00:00Z"};
    static final String[] PATTERNS = {"y", "yy", "yyy", "yyyy", "yyyyy", "u", "uu", "uuuu", "Y", "YY", "YYYY", "M", "MM", "MMM", "MMMM",
        "MMMMM", "L", "LL", "LLL", "LLLL", "LLLLL", "d", "dd", "D", "DD", "DDD", "E", "EE", "EEE", "EEEE", "EEEEE", "e", "ee", "eee", "eeee",
        "eeeee", "c", "ccc", "cccc", "ccccc", "a", "H", "HH", "k", "kk", "K", "KK", "h", "hh", "m", "mm", "s", "ss", "S", "SS", "SSS", "SSSSSS",
        "SSSSSSSSS", "A", "AAAAAAAA", "AAAAAAAAAA", "n", "nnnnnnnnn", "N", "NNNNNNNNNNNNNNNN", "Q", "QQ", "QQQ", "QQQQ", "QQQQQ", "q", "qq", "qqq",
        "qqqq", "qqqqq", "w", "ww", "W", "F", "G", "GG", "GGG", "GGGG", "GGGGG", "VV", "O", "OOOO", "X", "XX", "XXX", "XXXX", "XXXXX", "x", "xx",
        "xxx", "xxxx", "xxxxx", "Z", "ZZ", "ZZZ", "ZZZZ", "ZZZZZ", "yyyy/MM/dd/HH", "YYYY/MM/DD", "'year='yyyy'/month='MM'/day='dd", "yyyy-MM-dd'T'HH:mm:ss''",
        "[yyyy[-MM]]dd", "''yyyy'o''clock'", "\u00e9yyyy~|&", "EEE, d MMM yyyy HH:mm:ss Z", "hh a"};
    // Invalid patterns, also with letters that have no meaning.
    static final String[] WRONG = {"cc", "yyyyyyyyyyyyyyyyyyyy", "MMMMMM", "ddd", "DDDD", "aa", "HHH", "SSSSSSSSSS", "FF", "www", "WW", "GGGGGG", "V", "VVV",
        "zzzzz", "OO", "OOO", "XXXXXX", "xxxxxx", "ZZZZZZ", "b", "C", "f", "i", "I", "j", "J", "l", "o", "P", "r", "R", "t", "T", "U", "yyyy{", "yyyy#", "yyyy]",
        "yyyy'", "EEEEEE", "QQQQQQ", "eeeeee"};

    static void vectors() {
        for (String pattern : PATTERNS) {
            for (String zone : pattern.matches("[HVOXxZ]+") ? ZONES : FEW) {
                for (String instant : INSTANTS) {
                    Instant at = Instant.parse(instant);
                    print(pattern, zone, at, DateTimeFormatter.ofPattern(pattern, Locale.US).format(at.atZone(ZoneId.of(zone))));
                }
            }
        }
        for (String pattern : WRONG) {
            try {
                DateTimeFormatter.ofPattern(pattern, Locale.US);
                throw new IllegalStateException(pattern);
            } catch (IllegalArgumentException e) {
                System.out.println(pattern + "\t-");
            }
        }
    }

    // The same in the zones with two names; run with COMPAT.
    static void nameVectors() {
        for (String pattern : new String[] {"z", "zz", "zzz", "zzzz"}) {
            for (String zone : ZONES) {
                for (String instant : INSTANTS) {
                    Instant at = Instant.parse(instant);
                    if (at.toEpochMilli() == 0) continue;  // the JDK has no name for Dublin's time at that instant
                    print(pattern, zone, at, DateTimeFormatter.ofPattern(pattern, Locale.US).format(at.atZone(ZoneId.of(zone))));
                }
            }
        }
    }

    static void print(String pattern, String zone, Instant at, String text) {
        System.out.println(pattern + "\t" + zone + "\t" + at.toEpochMilli() + "\t" + text);
    }

    static void names() {
        Map<String, List<String>> zones = new TreeMap<>();
        for (String[] row : new DateFormatSymbols(Locale.US).getZoneStrings()) {
            if (!row[0].matches("[A-Za-z0-9/_+-]+")) continue;
            String names = String.format("\"%s\", \"%s\", \"%s\", \"%s\"", row[2], row[1], row[4], row[3]);
            zones.computeIfAbsent(names, unused -> new ArrayList<>()).add(row[0]);
        }
        System.out.println("// Made by tests/golden/java_time/JavaTime.java: names of time zones as Java 8 prints them.");
        zones.forEach((names, ids) -> {
            ids.sort(null);
            StringBuilder line = new StringBuilder();
            List<String> lines = new ArrayList<>();
            for (String id : ids) {
                if (line.length() + id.length() > 100) {
                    lines.add(line.toString());
                    line.setLength(0);
                }
                line.append(' ').append(id);
            }
            lines.add(line + " ");
            System.out.println("{" + names + ",");
            for (int i = 0; i < lines.size(); ++i) System.out.println(" \"" + lines.get(i) + "\"" + (i + 1 == lines.size() ? "}," : ""));
        });
    }

    public static void main(String[] args) {
        switch (args[0]) {
            case "vectors" -> vectors();
            case "name-vectors" -> nameVectors();
            case "names" -> names();
            default -> throw new IllegalArgumentException(args[0]);
        }
    }
}

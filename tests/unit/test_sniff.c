/* Files made byte by byte: each kind as it should be, and each way to lie about it. */
#include "bot/base/arena.h"
#include "bot/base/sniff.h"
#include "tests/support/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int finish(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static void expect(struct str bytes, enum file_kind kind, enum file_verdict verdict)
{
    struct file_look look = file_sniff(bytes);

    assert_int_equal(look.kind, kind);
    assert_int_equal(look.verdict, verdict);
}

static struct str bytes_of(const char *text, size_t len)
{
    return (struct str){text, len};
}

#define BYTES(literal) bytes_of(literal, sizeof(literal) - 1)

static void iss_1_every_kind_that_we_keep_is_known_by_its_content(void **state)
{
    (void)state;
    struct file_look look = file_sniff(file_jpeg(&arena, 640, 480));

    assert_string_equal(look.mime, "image/jpeg");
    assert_string_equal(look.ending, "jpg");
    assert_int_equal(look.width, 640);
    assert_int_equal(look.height, 480);
    look = file_sniff(file_png(&arena, 31, 17));
    assert_string_equal(look.mime, "image/png");
    assert_int_equal(look.width, 31);
    assert_int_equal(look.height, 17);
    look = file_sniff(BYTES("GIF89a\x03\x00\x02\x00\x80\x00\x00;"));
    assert_string_equal(look.mime, "image/gif");
    assert_int_equal(look.width, 3);
    assert_int_equal(look.height, 2);
    expect(file_pdf(&arena, ""), FILE_PDF, FILE_FINE);
    expect(BYTES("\0\0\0\x18"
                 "ftypheic\0\0\0\0mif1heic"
                 "rest"),
           FILE_HEIC, FILE_FINE);
    expect(BYTES("\0\0\0\x18"
                 "ftypmif1\0\0\0\0mif1heic"
                 "rest"),
           FILE_HEIC, FILE_FINE);
}

static void iss_1_the_three_forms_of_webp_tell_their_sides(void **state)
{
    (void)state;
    struct file_look look =
        file_sniff(BYTES("RIFF\x16\0\0\0WEBPVP8X\x0A\0\0\0\0\0\0\0\x09\0\0\x04\0\0"));

    assert_int_equal(look.verdict, FILE_FINE);
    assert_int_equal(look.width, 10);
    assert_int_equal(look.height, 5);
    look = file_sniff(BYTES("RIFF\x16\0\0\0WEBPVP8L\x0A\0\0\0\x2F\x09\0\x01\0\0\0\0\0\0"));
    assert_int_equal(look.kind, FILE_WEBP);
    assert_int_equal(look.width, 10);
    assert_int_equal(look.height, 5);
    look =
        file_sniff(BYTES("RIFF\x16\0\0\0WEBPVP8 \x0A\0\0\0\x30\x01\0\x9D\x01\x2A\x0A\0\x05\0"));
    assert_int_equal(look.width, 10);
    assert_int_equal(look.height, 5);
}

static void ch_1_voice_is_known_in_every_dress_that_the_channel_gives_it(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *mime;
    } voices[] = {
        {"OggS\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x13OpusHead\1\1\0\0\x80\xBB\0\0\0"
         "\0\0"
         "OggS more and more of it here", 76, "audio/ogg" },
        {"#!AMR\n<\x91\x17",                       9,  "audio/amr" },
        {"\xFF\xF1P\x80\x02\x1F\xFC!",             8,  "audio/aac" },
        {"\xFF\xFB\x90\x64\0\0\0\0",               8,  "audio/mpeg"},
        {"ID3\4\0\0\0\0\0\0",                      10, "audio/mpeg"},
        {"\0\0\0\x18"
         "ftypM4A \0\0\0\0isomM4A rest",  28, "audio/mp4" },
    };

    for (size_t i = 0; i < COUNTOF(voices); i++) {
        struct file_look look = file_sniff(bytes_of(voices[i].bytes, voices[i].len));
        assert_int_equal(look.kind, FILE_VOICE);
        assert_int_equal(look.verdict, FILE_FINE);
        assert_string_equal(look.mime, voices[i].mime);
        assert_false(file_is_attachment(look.kind));
    }
}

static void iss_1_what_is_none_of_them_is_strange(void **state)
{
    (void)state;
    static const char *const strangers[] = {
        "",
        "MZ\x90 a program",
        ("\x7F"
         "ELF a program"),
        "PK\x03\x04 an archive, or a document of an office",
        "<!DOCTYPE html><script>alert(1)</script>",
        "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "#!/bin/sh\nrm -rf /",
        " %PDF-1.4 behind a space\n%%EOF",
        "plain words",
    };

    for (size_t i = 0; i < COUNTOF(strangers); i++)
        expect(str_from(strangers[i]), FILE_UNKNOWN, FILE_STRANGE);
    /* a film, though in the same boxes as a picture */
    expect(BYTES("\0\0\0\x18"
                 "ftypisom\0\0\0\0isomavc1rest"),
           FILE_UNKNOWN, FILE_STRANGE);
}

static void iss_1_a_head_that_breaks_off_or_lies_is_strange(void **state)
{
    (void)state;
    struct str jpeg = file_jpeg(&arena, 64, 64);
    struct str png = file_png(&arena, 64, 64);
    struct str pdf = file_pdf(&arena, "");

    for (size_t len = 3; len < 30; len++)
        assert_int_not_equal(file_sniff(str_slice(jpeg, 0, len)).verdict, FILE_HOSTILE);
    expect(str_slice(jpeg, 0, 20), FILE_JPEG, FILE_STRANGE);
    expect(str_slice(png, 0, 24), FILE_PNG, FILE_STRANGE);
    expect(str_slice(pdf, 0, pdf.len - 8), FILE_PDF, FILE_STRANGE); /* cut short */
    expect(file_png(&arena, 0, 64), FILE_PNG, FILE_STRANGE);
    expect(BYTES("RIFF\xFF\xFF\xFF\x7FWEBPVP8X\x0A\0\0\0\0\0\0\0\x09\0\0\x04\0\0"), FILE_WEBP,
           FILE_STRANGE);
    expect(BYTES("%PDF-x.4\n%%EOF"), FILE_PDF, FILE_STRANGE);
}

static void iss_1_a_picture_that_would_fill_the_memory_is_hostile(void **state)
{
    (void)state;
    expect(file_png(&arena, 65535, 65535), FILE_PNG, FILE_HOSTILE);
    expect(file_png(&arena, 0xFFFFFFFF, 0xFFFFFFFF), FILE_PNG, FILE_HOSTILE);
    expect(file_png(&arena, 30000, 30000), FILE_PNG, FILE_HOSTILE);
    expect(file_jpeg(&arena, 65000, 65000), FILE_JPEG, FILE_HOSTILE);
    expect(file_png(&arena, 12000, 9000), FILE_PNG, FILE_FINE); /* 108 megapixels: a phone */
}

static void iss_1_a_document_with_a_program_in_it_is_hostile(void **state)
{
    (void)state;
    static const char *const harms[] = {
        "<< /S /JavaScript /JS (app.alert\\(1\\)) >>",
        "<< /S /Launch /F (cmd.exe) >>",
        "<< /Type /EmbeddedFile >>",
        "<</JS 3 0 R>>",
        "<< /Subtype/RichMedia>>",
    };

    for (size_t i = 0; i < COUNTOF(harms); i++)
        expect(file_pdf(&arena, harms[i]), FILE_PDF, FILE_HOSTILE);
    expect(file_pdf(&arena, "<< /Author (J. Smith) /JSmith 1 /Launcher (no) >>"), FILE_PDF,
           FILE_FINE);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(iss_1_every_kind_that_we_keep_is_known_by_its_content),
        cmocka_unit_test(iss_1_the_three_forms_of_webp_tell_their_sides),
        cmocka_unit_test(ch_1_voice_is_known_in_every_dress_that_the_channel_gives_it),
        cmocka_unit_test(iss_1_what_is_none_of_them_is_strange),
        cmocka_unit_test(iss_1_a_head_that_breaks_off_or_lies_is_strange),
        cmocka_unit_test(iss_1_a_picture_that_would_fill_the_memory_is_hostile),
        cmocka_unit_test(iss_1_a_document_with_a_program_in_it_is_hostile),
    };

    return cmocka_run_group_tests(tests, NULL, finish);
}

<?php
// An app with a session through msmd: php -S 127.0.0.1:9001 app.php
$session = json_decode($_SERVER['HTTP_MSM_SESSION'] ?? 'null');
$body = json_decode(file_get_contents('php://input') ?: '{}');
$url = parse_url($_SERVER['REQUEST_URI']);

// A header value is JSON in UTF-8, or the same in base64 between colons.
$json = json_encode($body, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_LINE_TERMINATORS);
$value = ($url['query'] ?? '') === 'raw' ? $json : ':' . base64_encode($json) . ':';

if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    switch ($url['path']) {
        case '/count':
            header('Msm-Session-Patch: ' . json_encode(['n' => ($session->n ?? 0) + 1]));
            break;
        case '/login':
            header('Msm-Session-Do: rotate');
            // and a patch
        default:
            header('Msm-Session-Patch: ' . $value);
            break;
        case '/replace':
            header('Msm-Session-Replace: ' . $value);
            break;
        case '/logout':
            header('Msm-Session-Do: destroy');
    }
}
header('Content-Type: application/json');
$seen = array_filter($_SERVER, fn($name) => str_starts_with($name, 'HTTP_'), ARRAY_FILTER_USE_KEY);
echo json_encode(['session' => $session, 'pid' => getmypid(), 'seen' => $seen], JSON_INVALID_UTF8_SUBSTITUTE);
